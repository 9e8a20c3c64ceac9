//! Our own words, done.

use super::command::{Typed, help};
use super::session::{Flow, Session};
use crate::cli::answer::marked;
use crate::cli::arguments::{Pending, Show};
use crate::cli::exit::Exit;
use crate::cli::pending::pending;
use crate::cli::show::show;
use crate::cli::table::{Column, draw};
use crate::domain::approval::ApprovalMode;
use crate::domain::preview;
use crate::domain::visible::{lines, one_line};
use crate::domain::vote::{self, SecondGroup};
use crate::ops::{OpError, ToolSummary, await_run, cancel_run, list_tools, show_run};

/// The most calls that `/pending` lists: as the command of that name.
const MOST_PENDING: usize = 100;

impl Session<'_> {
    pub(super) async fn obey(&mut self, command: Typed) -> Flow {
        let done = match command {
            Typed::Nothing | Typed::Message(_) => Ok(Flow::Stay),
            Typed::Help => {
                self.output.write(&help());
                Ok(Flow::Stay)
            }
            Typed::Tools(named) => self.tools(named.as_deref()).await,
            Typed::Pending => {
                let command = Pending { json: false, limit: MOST_PENDING };
                Ok(self.ended(pending(self.host, &command, &self.output).await))
            }
            Typed::Show(named) => self.show(named).await,
            Typed::Resume => self.resume().await,
            Typed::Cancel => self.cancel().await,
            Typed::Reset => self.begin_anew().await,
            Typed::Exit => Ok(Flow::Leave(Exit::Done)),
        };
        done.unwrap_or_else(|error| self.failed(&error))
    }

    fn ended(&self, exit: Exit) -> Flow {
        match exit {
            Exit::Done => Flow::Stay,
            exit => self.or_leave(exit),
        }
    }

    async fn tools(&mut self, named: Option<&str>) -> Result<Flow, OpError> {
        let file = self.file().await?;
        let tools = list_tools(self.host, &file).await?;
        let Some(named) = named else {
            let columns = [
                Column { head: "tool", shrinks_to: None },
                Column { head: "approval", shrinks_to: None },
                Column { head: "what it does", shrinks_to: Some(20) },
            ];
            let row = |tool: &ToolSummary| {
                let what = one_line(tool.description.lines().next().unwrap_or_default());
                vec![one_line(&tool.name), approval(tool).to_owned(), what]
            };
            let rows: Vec<Vec<String>> = tools.iter().map(row).collect();
            match rows.is_empty() {
                true => self.output.data("The role has no tools."),
                false => self.output.write(&draw(&columns, &rows, self.output.width())),
            }
            return Ok(Flow::Stay);
        };
        let Some(tool) = tools.iter().find(|tool| tool.name == named) else {
            self.output
                .error(&format!("the role has no tool `{}`; `/tools` lists them", one_line(named)));
            return Ok(self.or_leave(Exit::UnknownId));
        };
        self.output.data(&format!("{}  {}", one_line(&tool.name), approval(tool)));
        for line in lines(&tool.description).trim_end().lines() {
            self.output.data(&format!("  {line}"));
        }
        let effects = [
            ("only reads", tool.effects.read_only),
            ("may destroy", tool.effects.destructive),
            ("may be repeated", tool.effects.idempotent),
            ("reaches out", tool.effects.open_world),
        ];
        let said: Vec<&str> = effects.iter().filter(|(_, is)| *is).map(|(word, _)| *word).collect();
        if !said.is_empty() {
            self.output.data(&format!("  its component says: {}", said.join(", ")));
        }
        if let Some(standing) =
            vote::standing::<&str>(&tool.rule, self.host.identity(), &[], SecondGroup::Nobody)
        {
            self.output.data(&format!("  a call of yours has {}", one_line(&standing)));
        }
        Ok(Flow::Stay)
    }

    async fn show(&mut self, named: Option<String>) -> Result<Flow, OpError> {
        let latest = self.latest().await?.map(|(run, _)| run.to_string());
        let run = match (&named, latest) {
            (None, Some(latest)) => latest,
            (Some(named), _) if named.starts_with("call_") => return self.show_call(named).await,
            (Some(named), _) => named.clone(),
            (None, None) => {
                self.output.data("Nothing was said yet.");
                return Ok(Flow::Stay);
            }
        };
        let command = Show { run_id: run, json: false };
        Ok(self.ended(show(self.host, &command, &self.output).await))
    }

    /// All that a call of a run of this session would do, or did.
    async fn show_call(&mut self, named: &str) -> Result<Flow, OpError> {
        let mut found = None;
        for run in self.runs.iter().rev() {
            let calls = show_run(self.host, run.as_str()).await?.run.calls;
            found = calls.into_iter().find(|call| call.id.as_str().starts_with(named));
            if found.is_some() {
                break;
            }
        }
        let Some(call) = found else {
            self.output.error(&format!(
                "there is no call `{}` here; `/show RUN` tells those of a run",
                one_line(named)
            ));
            return Ok(self.or_leave(Exit::UnknownId));
        };
        let tool = one_line(&call.model_tool);
        self.output.data(&format!("{}  {}  {tool}", call.id, call.state));
        let lines = preview::read(call.preview.as_ref(), &call.arguments);
        for line in preview::wrap(&lines, self.output.width().saturating_sub(4)) {
            self.output.data(&format!("  {}", marked(&line, &self.output)));
        }
        self.output.data(&format!("  arguments: {}", one_line(&call.arguments)));
        Ok(Flow::Stay)
    }

    async fn resume(&mut self) -> Result<Flow, OpError> {
        match self.unfinished().await? {
            Some(run) => Ok(self.settle(run, None).await),
            None => {
                self.output.data("No run of this conversation waits.");
                Ok(Flow::Stay)
            }
        }
    }

    async fn cancel(&mut self) -> Result<Flow, OpError> {
        match self.unfinished().await? {
            Some(run) => {
                let run = cancel_run(self.host, run.as_str(), None).await?;
                self.output.data(&format!("Run {} cancelled.", run.run.id));
            }
            None => self.output.data("No run of this conversation waits."),
        }
        Ok(Flow::Stay)
    }

    async fn begin_anew(&mut self) -> Result<Flow, OpError> {
        if let Some(run) = self.unfinished().await? {
            let run = await_run(self.host, &run, |_| true).await?;
            self.tell_left(&run);
        }
        self.reset();
        self.output.data("Another conversation begins.");
        Ok(Flow::Stay)
    }
}

fn approval(tool: &ToolSummary) -> &'static str {
    match tool.rule.mode {
        ApprovalMode::Auto => "auto",
        ApprovalMode::Required => "required",
    }
}
