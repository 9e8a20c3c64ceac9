//! A conversation from its first line to its last.

use super::command::{Typed, parse};
use super::editor::{Editor, Line, Wanted};
use super::helper::Words;
use super::piped::read_message;
use super::unfinished::joined;
use crate::cli::answer;
use crate::cli::arguments::Run;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::progress::Live;
use crate::cli::signals::{Asked, Signals};
use crate::domain::ids::RunId;
use crate::domain::run::RunState;
use crate::domain::tool_call::CallState;
use crate::domain::visible::one_line;
use crate::ops::{
    Attended, Host, OpError, RoleFile, StartRequest, await_run, begin_conversation, check_role,
    find_conversation, holds_secret, list_tools, question, start_run,
};
use crate::store::{Conversation, StoredRun};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::pin::pin;
use tokio::sync::watch;

/// What stands before a message.
const PROMPT: &str = "> ";

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// The next message.
    Stay,
    /// The end, with what is told of the run that has not ended.
    Leave(Exit),
    /// The same, and all was told.
    LeaveTold(Exit),
}

/// A conversation.
pub(super) struct Session<'h> {
    pub(super) host: &'h Host,
    pub(super) output: Output,
    pub(super) signals: Signals,
    pub(super) words: Words,
    /// Where messages are typed; nothing where they come from a pipe, and nobody is asked.
    pub(super) editor: Option<Editor>,
    pub(super) conversation: Conversation,
    /// The role's name: conversations are with one.
    pub(super) name: String,
    role: PathBuf,
    first: Option<String>,
    /// The runs that were settled here, the latest last.
    pub(super) runs: Vec<RunId>,
    /// Whether anything was said.
    spoken: bool,
    /// Whether it was told that the history cannot be kept.
    told_of_history: bool,
}

impl<'h> Session<'h> {
    pub(super) async fn open(host: &'h Host, command: Run, output: &Output) -> Result<Self, Exit> {
        let file = check_role(host, &command.role).await;
        let file = file.map_err(|error| output.failure(&error))?;
        let signals = Signals::new().map_err(|error| {
            output.error(&format!("this system gives no signals: {error}"));
            Exit::Failed
        })?;
        let words = Words::default();
        let editor = match std::io::stdin().is_terminal() && output.is_terminal() {
            false => None,
            true => {
                let started = Editor::start(host.history_file(), words.clone());
                Some(started.map_err(|sentence| {
                    output.error(&sentence);
                    Exit::Failed
                })?)
            }
        };
        let mut conversation = begin_conversation(host);
        if let Some(id) = command.conversation {
            conversation.id = id;
        }
        Ok(Self {
            host,
            output: output.clone(),
            signals,
            words,
            editor,
            conversation,
            name: file.role.name,
            role: command.role,
            first: command.prompt,
            runs: Vec::new(),
            spoken: false,
            told_of_history: false,
        })
    }

    /// Talks until the person leaves or the input ends.
    pub(super) async fn talk(&mut self) -> Exit {
        if self.editor.is_some() {
            let name = one_line(&self.name);
            self.output.talk(&format!("{name}: `/help` lists the commands, Ctrl-D leaves."));
        }
        let mut flow = self.begin().await;
        while flow == Flow::Stay {
            flow = match self.read().await {
                Ok(Some(text)) => self.take(&text).await,
                Ok(None) => Flow::Leave(Exit::Done),
                Err(exit) => Flow::Leave(exit),
            };
        }
        self.leave(flow).await
    }

    /// Goes on with what was left of the conversation, and says what came with the command.
    async fn begin(&mut self) -> Flow {
        let flow = match self.unfinished().await {
            Ok(Some(run)) => self.settle(run, None).await,
            Ok(None) => Flow::Stay,
            Err(error) => Flow::Leave(self.output.failure(&error)),
        };
        match self.first.take() {
            Some(text) if flow == Flow::Stay => {
                if self.editor.is_some() {
                    self.output.write(&format!("\n{PROMPT}{}\n", one_line(&text)));
                }
                self.say(text).await
            }
            _ => flow,
        }
    }

    /// The next message; nothing at the end of the input.
    ///
    /// # Errors
    /// How the program ends, where it was asked to or the input cannot be read.
    async fn read(&mut self) -> Result<Option<String>, Exit> {
        if self.editor.is_none() {
            let read = tokio::select! {
                _ = self.signals.next() => return Err(Exit::Sigint),
                read = read_message() => read,
            };
            return read.map_err(|sentence| {
                self.output.error(&sentence);
                Exit::Failed
            });
        }
        self.output.write("\n");
        loop {
            let wanted =
                Wanted { prompt: PROMPT.to_owned(), initial: String::new(), message: true };
            match self.read_line(wanted).await {
                Line::Text(text) => return Ok(Some(text)),
                _ if self.signals.leaving() => return Err(Exit::Sigint),
                Line::End => return Ok(None),
                Line::Interrupted => self.output.talk("Ctrl-D leaves."),
            }
        }
    }

    /// A line that is typed in the editor. Where the process is asked to leave meanwhile, the input ends.
    pub(super) async fn read_line(&mut self, wanted: Wanted) -> Line {
        let Self { editor: Some(editor), signals, .. } = self else { return Line::End };
        signals.forget();
        let mut reading = pin!(editor.read(wanted));
        loop {
            let asked = tokio::select! {
                line = &mut reading => return line,
                asked = signals.next() => asked,
            };
            if asked == Asked::Leave {
                editor.give_up(reading).await;
                return Line::End;
            }
        }
    }

    async fn take(&mut self, text: &str) -> Flow {
        let typed = match parse(&joined(text)) {
            Ok(typed) => typed,
            Err(sentence) => {
                self.output.error(&sentence);
                return self.or_leave(Exit::Usage);
            }
        };
        match typed {
            Typed::Nothing => Flow::Stay,
            Typed::Message(message) => self.say(message).await,
            command => {
                if let Ok(file) = check_role(self.host, &self.role).await {
                    self.remember(&file, text).await;
                }
                self.obey(command).await
            }
        }
    }

    /// Says something to the model, and waits for what comes of it.
    async fn say(&mut self, text: String) -> Flow {
        let file = match check_role(self.host, &self.role).await {
            Ok(file) => file,
            Err(error) => return self.failed(&error),
        };
        self.remember(&file, &text).await;
        match self.unfinished().await {
            Ok(None) => {}
            Ok(Some(run)) => {
                self.output.error(&format!(
                    "run {run} of this conversation has not ended\n  hint: `/resume` goes on with it, `/cancel` \
                     ends it, `/reset` begins another conversation"
                ));
                return self.or_leave(Exit::Conflict);
            }
            Err(error) => return self.failed(&error),
        }
        self.know(&file).await;
        let request = StartRequest {
            conversation: Some(self.conversation.clone()),
            ..StartRequest::new(text, "repl".to_owned())
        };
        let mut live = self.live();
        let (stop, stopped) = watch::channel(None);
        let attended = Attended { reporter: &mut live, stop: stopped };
        let started = start_run(self.host, &file, request, attended);
        let driven = self.signals.attend(&stop, started).await;
        let streamed = live.streamed();
        drop(live);
        self.spoken = true;
        match driven {
            Ok(driven) => self.settle(driven.run.run.id.clone(), Some((driven, streamed))).await,
            Err(error) => self.failed(&error),
        }
    }

    /// Learns of the role what can be asked about.
    async fn know(&mut self, file: &RoleFile) {
        self.name.clone_from(&file.role.name);
        if let Ok(tools) = list_tools(self.host, file).await {
            self.words.tools(tools.into_iter().map(|tool| tool.name).collect());
        }
    }

    /// Keeps what was typed, unless a secret is in it.
    async fn remember(&mut self, file: &RoleFile, text: &str) {
        let Some(editor) = &self.editor else { return };
        if holds_secret(self.host, file, text) {
            return;
        }
        if let Err(sentence) = editor.remember(text.to_owned()).await
            && !self.told_of_history
        {
            self.told_of_history = true;
            self.output.error(&sentence);
        }
    }

    /// The role, as it is now.
    pub(super) async fn file(&mut self) -> Result<RoleFile, OpError> {
        let file = check_role(self.host, &self.role).await?;
        self.know(&file).await;
        Ok(file)
    }

    /// Another conversation.
    pub(super) fn reset(&mut self) {
        self.conversation = begin_conversation(self.host);
        self.spoken = false;
    }

    /// The latest run of the conversation, and where it stands.
    pub(super) async fn latest(&self) -> Result<Option<(RunId, RunState)>, OpError> {
        let found = find_conversation(self.host, &self.name, &self.conversation).await?;
        Ok(found.map(|found| (found.latest, found.state)))
    }

    /// The run of the conversation that has not ended.
    pub(super) async fn unfinished(&self) -> Result<Option<RunId>, OpError> {
        let latest = self.latest().await?;
        Ok(latest.filter(|(_, state)| !state.is_final()).map(|(run, _)| run))
    }

    /// Shows a turn.
    pub(super) fn live(&self) -> Live {
        match self.editor {
            Some(_) => Live::of_turn(&self.output),
            None => Live::new(&self.output, false),
        }
    }

    /// Says why something cannot be done. What comes from a pipe does not go on after that: whoever wrote
    /// it did not expect it.
    pub(super) fn failed(&self, error: &OpError) -> Flow {
        let exit = self.output.failure(error);
        self.or_leave(exit)
    }

    /// The next message, or the end where they come from a pipe.
    pub(super) fn or_leave(&self, exit: Exit) -> Flow {
        if self.signals.leaving() {
            return Flow::Leave(Exit::Sigint);
        }
        match self.editor {
            Some(_) => Flow::Stay,
            None => Flow::LeaveTold(exit),
        }
    }

    /// Tells what is left of the conversation, and how the program ends.
    async fn leave(&self, flow: Flow) -> Exit {
        let exit = match flow {
            Flow::LeaveTold(exit) => return exit,
            Flow::Leave(exit) => exit,
            Flow::Stay => Exit::Done,
        };
        let left = match self.unfinished().await {
            Ok(Some(run)) => await_run(self.host, &run, |_| true).await.ok(),
            _ => None,
        };
        let exit = match &left {
            Some(run) if exit == Exit::Done => self.tell_left(run),
            Some(run) => {
                self.tell_left(run);
                exit
            }
            None => exit,
        };
        if self.spoken && self.editor.is_some() && self.host.persists() {
            let role = self.role.display().to_string();
            self.output.talk(&format!(
                "Go on with: initrunner run {} -i --conversation {}",
                one_line(&role),
                self.conversation.id
            ));
        }
        exit
    }

    /// Tells how to go on with a run that is left, and with which code whoever leaves it ends.
    pub(super) fn tell_left(&self, run: &StoredRun) -> Exit {
        let id = &run.run.id;
        let has = |state| run.calls.iter().any(|call| call.state == state);
        let (waits, unknown) = (has(CallState::Waiting), has(CallState::Unknown));
        let state = if waits { RunState::Paused } else { run.run.state };
        self.output.data(&format!("\nRun {id} stays {state}."));
        for call in run.calls.iter().filter(|call| call.state == CallState::Unknown) {
            self.output.data(&format!("  {}", question(call)));
        }
        for line in answer::standings(run) {
            self.output.data(&line);
        }
        if !self.host.persists() {
            self.output.data("This run is not persisted (--no-audit), so it cannot be resumed.");
        } else if waits {
            self.output.data(&format!("Resume with: initrunner approve {id} --all"));
        } else if !unknown && run.run.state != RunState::Running {
            self.output.data(&format!("Resume with: initrunner resume {id}"));
        }
        match run.run.state {
            _ if waits || unknown => Exit::Paused,
            RunState::Interrupted => Exit::Interrupted,
            _ => Exit::Done,
        }
    }
}
