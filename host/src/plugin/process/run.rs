//! The host's side of running a program. See [the module](super).

use super::capture::Capture;
use super::wire::{GO, Refusal, Report, Specification};
use super::{
    Announce, Ending, ProcessCommand, ProcessError, ProcessOutput, SUPERVISE, Started, Target,
};
use crate::fail_point;
use rustix::process::Pid;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

/// How long after the program's deadline the supervisor may take to answer: it has to start, and to
/// kill and reap what may be thousands of processes on a busy machine. Only a supervisor that is
/// itself stopped or stuck takes longer.
const GRACE: Duration = Duration::from_secs(10);

/// How long to read on after the supervisor said that nothing is left. What the program wrote is in the
/// pipes already; only a descriptor passed to a stranger (unix(7), SCM_RIGHTS) keeps them open.
const DRAIN: Duration = Duration::from_millis(250);

/// Runs one program: returns when it ended and every process it started is gone, at the latest a
/// moment after the shorter of its own timeout and `remaining`.
///
/// Dropping the future kills all of them too; the supervisor sees its socket close.
///
///
/// # Errors
/// Nothing was started, or the supervisor was lost. A program that fails is an output.
pub async fn run(
    command: ProcessCommand,
    remaining: Duration,
) -> Result<ProcessOutput, ProcessError> {
    run_announced(command, remaining, None).await
}

/// The same; `announce`, where there is one, is told of the program's process before the program runs
/// in it, and lets it run. A program that nobody lets run does not.
///
/// # Errors
/// As [`run`].
pub async fn run_announced(
    command: ProcessCommand,
    remaining: Duration,
    announce: Option<&Announce>,
) -> Result<ProcessOutput, ProcessError> {
    let limit = command.timeout.min(remaining);
    if limit.is_zero() {
        let name = command.target.program();
        return Err(ProcessError::Failed(format!("there was no time left to start `{name}`")));
    }
    check(&command)?;
    match attempt(&command, limit, true, announce).await {
        Err(Lost::CannotHide) => attempt(&command, limit, false, announce).await,
        result => result,
    }
    .map_err(|lost| lost.into_error(command.target.program()))
}

/// Runs it with one supervisor.
async fn attempt(
    command: &ProcessCommand,
    limit: Duration,
    hide: bool,
    announce: Option<&Announce>,
) -> Result<ProcessOutput, Lost> {
    let specification = specification(command, limit, hide).map_err(Lost::Refused)?;
    let deadline = Instant::now() + limit + GRACE;
    fail_point::reach("process.before_start");
    let mut supervisor = Supervisor::start(command.supervisor.as_deref()).map_err(Lost::Refused)?;
    let mut stdout = Capture::new(command.max_output_bytes, command.secrets.stream());
    let mut stderr = Capture::new(command.max_output_bytes, command.secrets.stream());

    let answer = {
        let (out, err) = (supervisor.child.stdout.take(), supervisor.child.stderr.take());
        let (Some(out), Some(err)) = (out, err) else {
            return Err(Lost::Broken("it has no output".to_owned()));
        };
        let mut reading = std::pin::pin!(async {
            tokio::join!(stdout.fill(out), stderr.fill(err));
        });
        let mut answering =
            std::pin::pin!(timeout_at(deadline, supervisor.ask(&specification, announce)));
        let mut at_end = false;
        let answer = loop {
            tokio::select! {
                answer = &mut answering => break answer,
                () = &mut reading, if !at_end => at_end = true,
            }
        };
        if !at_end && matches!(answer, Ok(Ok(_))) {
            // Beyond DRAIN, what has been read is what there is.
            let _ = timeout(DRAIN, reading).await;
        }
        answer
    };
    stdout.end();
    stderr.end();
    let ended = match answer.unwrap_or(Err(Lost::Silent)) {
        Ok(ended) => ended,
        Err(lost) => {
            if matches!(lost, Lost::Broken(_) | Lost::Silent) {
                supervisor.give_up();
            }
            return Err(lost);
        }
    };
    // It has nothing left to do but exit; not waiting would leave a dead process for a while.
    let _ = timeout(DRAIN, supervisor.child.wait()).await;

    Ok(ProcessOutput {
        ending: ended.ending,
        stdout: stdout.bytes,
        stdout_truncated: stdout.truncated,
        stderr: stderr.bytes,
        stderr_truncated: stderr.truncated,
        elapsed: ended.elapsed,
        isolation: ended.isolation,
        pid: ended.pid,
        start_time: ended.start_time,
    })
}

/// Finds what no program can be given, before one is started for nothing.
fn check(command: &ProcessCommand) -> Result<(), ProcessError> {
    let nul = |what: &str| {
        ProcessError::Invalid(format!(
            "{what} holds a NUL character, which no program can be given"
        ))
    };
    match &command.target {
        Target::Program { name, .. } if name.contains('\0') => {
            return Err(nul("the program's name"));
        }
        Target::Program { name, arguments } if arguments.iter().any(|it| it.contains('\0')) => {
            return Err(nul(&format!("an argument of `{name}`")));
        }
        Target::Script(script) if script.contains('\0') => return Err(nul("the script")),
        _ => {}
    }
    for (name, value) in &environment(command) {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(ProcessError::Invalid(format!(
                "`{name}` cannot be the name of an environment variable"
            )));
        }
        if name == "PATH" {
            return Err(ProcessError::Invalid(
                "`PATH` is the same for every program and cannot be passed on; name the program by \
                 its path instead"
                    .to_owned(),
            ));
        }
        if value.contains('\0') {
            return Err(nul(&format!("the environment variable `{name}`")));
        }
    }
    if !command.working_directory.is_absolute() {
        return Err(ProcessError::Invalid(format!(
            "the working directory `{}` is not an absolute path",
            command.working_directory.display()
        )));
    }
    Ok(())
}

/// What the supervisor reads.
fn specification(
    command: &ProcessCommand,
    limit: Duration,
    hide: bool,
) -> Result<Vec<u8>, ProcessError> {
    let (program, arguments) = match &command.target {
        Target::Program { name, arguments } => (name.clone(), arguments.clone()),
        Target::Script(script) => ("sh".to_owned(), vec!["-c".to_owned(), script.clone()]),
    };
    let specification = Specification {
        program,
        arguments,
        within: text(&command.within)?,
        working_directory: text(&command.working_directory)?,
        read: texts(&command.read)?,
        write: texts(&command.write)?,
        network: command.network,
        environment: environment(command),
        timeout_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
        protected: texts(&command.protected)?,
        hide,
    };
    let mut line = serde_json::to_vec(&specification)
        .map_err(|error| ProcessError::Failed(format!("cannot describe the program: {error}")))?;
    line.push(b'\n');
    Ok(line)
}

/// The environment with its secrets. From here on they are in the program's own environment and in the
/// line that the supervisor reads, and nowhere else.
fn environment(command: &ProcessCommand) -> Vec<(String, String)> {
    let filled = |(name, value): &(String, String)| (name.clone(), command.secrets.fill(value));
    command.environment.iter().map(filled).collect()
}

fn text(path: &Path) -> Result<String, ProcessError> {
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| ProcessError::Invalid(format!("the path `{}` is not UTF-8", path.display())))
}

fn texts(paths: &[PathBuf]) -> Result<Vec<String>, ProcessError> {
    paths.iter().map(|path| text(path)).collect()
}

/// The supervisor of one program, as the host sees it. Dropping it closes the socket.
struct Supervisor {
    child: Child,
    reports: Lines<BufReader<UnixStream>>,
    /// The program, once known.
    program: Option<Pid>,
}

/// The program's end, and what was known of it.
struct Ended {
    ending: Ending,
    elapsed: Duration,
    isolation: String,
    pid: u32,
    start_time: u64,
}

/// Why there is no end.
enum Lost {
    /// Nothing was started.
    Refused(ProcessError),
    /// Nothing was started, but will be if nothing is to be hidden.
    CannotHide,
    /// Nobody let it run.
    Unwanted,
    /// The supervisor is gone or talks nonsense.
    Broken(String),
    /// It did not answer in time.
    Silent,
}

impl Lost {
    fn into_error(self, program: &str) -> ProcessError {
        ProcessError::Failed(match self {
            Lost::Refused(error) => return error,
            Lost::Unwanted => {
                format!("`{program}` was not run: that it is about to could not be written down")
            }
            Lost::CannotHide => format!("the state folder cannot be hidden from `{program}`"),
            Lost::Broken(why) => format!(
                "the supervisor of `{program}` was lost ({why}); its processes may still run"
            ),
            Lost::Silent => format!(
                "the supervisor of `{program}` did not answer in time and was killed; processes it \
                 could not end may still run"
            ),
        })
    }
}

/// Tells of a process that is about to become a program, and waits until it may.
async fn may_run(announce: Option<&Announce>, pid: u32, start_time: u64, isolation: &str) -> bool {
    let Some(announce) = announce else { return true };
    let (go, answer) = oneshot::channel();
    let isolation = isolation.to_owned();
    let started = Started { pid, start_time, isolation, go };
    announce.send(started).await.is_ok() && answer.await.is_ok()
}

impl Supervisor {
    fn start(program: Option<&Path>) -> Result<Self, ProcessError> {
        let failed = |error: std::io::Error| {
            ProcessError::Failed(format!("cannot start the supervisor: {error}"))
        };
        let own = || {
            if cfg!(target_os = "linux") {
                // Not current_exe(): its path is another program, or none, after an upgrade.
                return Ok(PathBuf::from("/proc/self/exe"));
            }
            std::env::current_exe()
        };
        let program = program.map_or_else(own, |path| Ok(path.to_owned())).map_err(failed)?;

        let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
        ours.set_nonblocking(true).map_err(failed)?;
        let ours = UnixStream::from_std(ours).map_err(failed)?;
        // Dropped at the end of this function: a copy of `theirs` kept here would hide the
        // supervisor's death.
        #[expect(clippy::disallowed_methods, reason = "this is the process capability")]
        let mut command = Command::new(program);
        command
            .arg0("initrunner")
            .arg(SUPERVISE)
            .env_clear()
            .current_dir("/")
            .stdin(std::os::fd::OwnedFd::from(theirs))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.spawn().map_err(failed)?;
        Ok(Self { child, reports: BufReader::new(ours).lines(), program: None })
    }

    /// Hands the specification over and waits for the end.
    async fn ask(
        &mut self,
        specification: &[u8],
        announce: Option<&Announce>,
    ) -> Result<Ended, Lost> {
        let broken = |error: std::io::Error| Lost::Broken(error.to_string());
        self.reports.get_mut().get_mut().write_all(specification).await.map_err(broken)?;
        fail_point::reach("process.specified");
        let mut started = None;
        while let Some(line) = self.reports.next_line().await.map_err(broken)? {
            let report = serde_json::from_str(&line).map_err(|error| broken(error.into()))?;
            match (report, started.take()) {
                (Report::Started { pid, start_time, isolation }, None) => {
                    self.program = i32::try_from(pid).ok().and_then(Pid::from_raw);
                    if !may_run(announce, pid, start_time, &isolation).await {
                        return Err(Lost::Unwanted);
                    }
                    self.reports.get_mut().get_mut().write_all(GO).await.map_err(broken)?;
                    started = Some((pid, start_time, isolation));
                    fail_point::reach("process.started");
                }
                (Report::Ended { ending, elapsed_ms }, Some((pid, start_time, isolation))) => {
                    fail_point::reach("process.ended");
                    let elapsed = Duration::from_millis(elapsed_ms);
                    return Ok(Ended { ending, elapsed, isolation, pid, start_time });
                }
                (Report::Refused { kind, text }, _) => {
                    return Err(match kind {
                        Refusal::NotFound => Lost::Refused(ProcessError::NotFound(text)),
                        Refusal::Invalid => Lost::Refused(ProcessError::Invalid(text)),
                        Refusal::Failed => Lost::Refused(ProcessError::Failed(text)),
                        Refusal::CannotHide => Lost::CannotHide,
                    });
                }
                _ => return Err(Lost::Broken("its reports are out of order".to_owned())),
            }
        }
        Err(Lost::Broken("it ended without a report".to_owned()))
    }

    /// Kills what can be found, since the supervisor will not, and the supervisor.
    fn give_up(&mut self) {
        let supervisor = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        // An error means that it is dead already.
        let _ = self.child.start_kill();
        if let Some(supervisor) = supervisor.and_then(Pid::from_raw) {
            super::kill::kill_orphans(supervisor, self.program);
        }
    }
}
