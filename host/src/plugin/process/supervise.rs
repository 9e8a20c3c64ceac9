//! The supervisor: the process between the host and a program. See [the module](super).

use super::kill::{kill_descendants, reap};
use super::wire::{GO, Refusal, Report, Specification};
use super::{Ending, LANG, PATH};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::Access;
use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitStatus};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How often orphans of the running program are reaped: rarely enough to cost nothing, often enough
/// that an hour of daemons does not fill the process table with dead ones.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// What `initrunner __exec` does: runs one program for the host that started it, and leaves nothing
/// behind. Called before anything else of the program is set up: every tool call pays for it.
///
/// Standard input is the socket to the host, standard output and error become the program's. Nothing
/// is ever written to the latter two.
pub fn supervise() -> ExitCode {
    match Supervisor::enter().and_then(Supervisor::serve) {
        Ok(()) => ExitCode::SUCCESS,
        // The host is gone, or this was started by hand: nobody is there to be told.
        Err(_) => ExitCode::FAILURE,
    }
}

struct Supervisor {
    /// The socket to the host.
    host: File,
}

/// What the thread that starts the program tells.
enum Progress {
    /// It is restricted, and about to make the program's process.
    Isolated(String),
    /// The process became the program, at this moment.
    Started(Pid, Instant),
}

/// Why it was not.
struct Refused(Refusal, String);

impl Supervisor {
    /// Takes the descriptors and the place among processes that a supervisor needs.
    fn enter() -> io::Result<Self> {
        // Out of the terminal's reach: Ctrl-C is for the host, which then closes the socket.
        rustix::process::setsid()?;
        #[cfg(target_os = "linux")]
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        close_inherited_on_exec()?;
        // Above 2, so that the program does not have it, and close-on-exec for the same reason.
        let host = File::from(fcntl_dupfd_cloexec(io::stdin(), 3)?);
        rustix::stdio::dup2_stdin(null()?)?;
        Ok(Self { host })
    }

    fn serve(mut self) -> io::Result<()> {
        let mut line = String::new();
        // The host sends one line and then waits for an answer, so reading ahead loses nothing.
        BufReader::new(&self.host).read_line(&mut line)?;
        let specification: Specification = serde_json::from_str(&line)?;
        let timeout = Duration::from_millis(specification.timeout_ms);
        let place = match Place::of(&specification) {
            Ok(place) => place,
            Err(refused) => return self.refuse(refused),
        };

        let (ended, end_of_program) = io::pipe()?;
        let hold = Hold::new()?;
        let Hold { mut made, go, child } = hold;
        let (tell, told) = mpsc::channel();
        // A thread of its own, because Landlock restricts a thread and what it starts: the supervisor
        // itself stays outside, so that the program can neither signal nor trace it.
        std::thread::spawn(move || {
            let started = start(&specification, place, child, &tell);
            let pid = started.as_ref().ok().map(|(pid, _)| *pid);
            let started = started.map(|(pid, at)| Progress::Started(pid, at));
            if tell.send(started).is_ok()
                && let Some(pid) = pid
            {
                // Only looks: the main thread reaps. An error means that it has already.
                let _ = rustix::process::waitid(
                    WaitId::Pid(pid),
                    WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
                );
            }
            drop(end_of_program);
        });

        let isolation = match told.recv() {
            Ok(Ok(Progress::Isolated(isolation))) => isolation,
            Ok(Err(refused)) => return self.refuse(refused),
            Ok(Ok(Progress::Started(..))) | Err(_) => return self.refuse(broke()),
        };
        let mut number = [0; 4];
        // End of file: no process was made, and the thread says why.
        if made.read_exact(&mut number).is_ok()
            && let Some(pid) = Pid::from_raw(i32::from_ne_bytes(number))
        {
            let pid = pid.as_raw_pid().unsigned_abs();
            let start_time = start_time(pid);
            self.report(&Report::Started { pid, start_time, isolation })?;
            // The host answers once it has written that down, or closes the socket: then this process
            // ends, and with it the one that waits.
            let mut word = [0; GO.len()];
            (&self.host).read_exact(&mut word)?;
            File::from(go).write_all(&word)?;
        }
        let (pid, at) = match told.recv() {
            Ok(Ok(Progress::Started(pid, at))) => (pid, at),
            Ok(Err(refused)) => return self.refuse(refused),
            Ok(Ok(Progress::Isolated(_))) | Err(_) => return self.refuse(broke()),
        };
        // The program and what it starts are now the only writers: their end is the end of file.
        rustix::stdio::dup2_stdout(null()?)?;
        rustix::stdio::dup2_stderr(null()?)?;

        let mut status = None;
        let mut reaped = |which: Pid, how: WaitStatus| {
            if which == pid {
                status = Some(how);
            }
        };
        let outcome = self.wait(ended.as_fd(), at + timeout, &mut reaped);
        let elapsed_ms = u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX);
        kill_descendants(pid, &mut reaped);

        let ending = match (outcome?, status) {
            (Outcome::TimedOut, _) | (_, None) => Ending::TimedOut,
            (Outcome::Ended, Some(status)) => ending(status),
        };
        self.report(&Report::Ended { ending, elapsed_ms })
    }

    fn refuse(&mut self, Refused(kind, text): Refused) -> io::Result<()> {
        self.report(&Report::Refused { kind, text })
    }

    fn report(&mut self, report: &Report) -> io::Result<()> {
        let mut line = serde_json::to_vec(report)?;
        line.push(b'\n');
        self.host.write_all(&line)
    }

    /// Waits for the end of the program, of its time, or of the host (an error).
    fn wait(
        &mut self,
        ended: BorrowedFd<'_>,
        deadline: Instant,
        reaped: &mut impl FnMut(Pid, WaitStatus),
    ) -> io::Result<Outcome> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let tick = Timespec::try_from(left.min(HOUSEKEEPING)).map_err(io::Error::other)?;
            let mut fds = [
                PollFd::from_borrowed_fd(ended, PollFlags::IN),
                PollFd::new(&self.host, PollFlags::IN),
            ];
            match poll(&mut fds, Some(&tick)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let [ended, host] = fds.map(|fd| !fd.revents().is_empty());
            if ended {
                reap(reaped);
                return Ok(Outcome::Ended);
            }
            // The host does not write any more, so whatever arrives means the same as the end of file.
            if host {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            if left.is_zero() {
                return Ok(Outcome::TimedOut);
            }
            reap(reaped);
        }
    }
}

enum Outcome {
    Ended,
    TimedOut,
}

fn broke() -> Refused {
    Refused(Refusal::Failed, "the supervisor broke before it started the program".to_owned())
}

/// What holds the program's process back until the host knows of it. That process is made, tells its
/// number, and waits; then it becomes the program. So nothing runs that nobody wrote down, whoever is
/// killed in between.
struct Hold {
    /// Where the process's number is read.
    made: File,
    /// What lets it go on.
    go: OwnedFd,
    /// Its own side.
    child: Held,
}

/// The ends that the process holds itself.
struct Held {
    tell: OwnedFd,
    wait: OwnedFd,
    /// The supervisor's end of `wait`, which a new process has a copy of: with it, it would not see
    /// the supervisor's death.
    not_mine: RawFd,
}

impl Hold {
    fn new() -> io::Result<Self> {
        let (made, tell) = io::pipe()?;
        let (wait, go) = io::pipe()?;
        let go = OwnedFd::from(go);
        let child = Held { tell: tell.into(), wait: wait.into(), not_mine: go.as_raw_fd() };
        Ok(Self { made: OwnedFd::from(made).into(), go, child })
    }
}

impl Held {
    /// Tells this process's number and waits. Called between fork and exec, so it allocates nothing and
    /// takes no lock: it makes system calls.
    fn wait(&self) -> io::Result<()> {
        #[expect(unsafe_code, reason = "there is no safe way to close another's copied descriptor")]
        // SAFETY: this is the child of a fork, which has this one thread; the number is that of the copy
        // of a descriptor that its owner in the parent keeps open, and nothing here uses it.
        unsafe {
            rustix::io::close(self.not_mine);
        }
        let number = rustix::process::getpid().as_raw_pid().to_ne_bytes();
        rustix::io::retry_on_intr(|| rustix::io::write(&self.tell, &number))?;
        let mut word = [0; GO.len()];
        match rustix::io::retry_on_intr(|| rustix::io::read(&self.wait, &mut word))? {
            // Whoever would have let it go on is gone.
            0 => Err(rustix::io::Errno::CANCELED.into()),
            _ => Ok(()),
        }
    }
}

/// When a process started, in clock ticks since boot; 0 where unknown.
fn start_time(pid: u32) -> u64 {
    #[cfg(target_os = "linux")]
    return i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .and_then(super::kill::Stat::of)
        .map_or(0, |stat| stat.start_time);
    #[cfg(not(target_os = "linux"))]
    return 0 * u64::from(pid);
}

fn ending(status: WaitStatus) -> Ending {
    match (status.exit_status(), status.terminating_signal()) {
        // wait(2): a status is the low eight bits; signals go up to 64.
        (Some(status), _) => Ending::Exited(status as u8),
        (None, signal) => Ending::Signalled(signal.unwrap_or_default() as u8),
    }
}

/// Where the program runs, as canonical paths.
struct Place {
    directory: PathBuf,
    /// The granted folders beside it.
    read: Vec<PathBuf>,
    /// All the folders below which it may write.
    write: Vec<PathBuf>,
    /// What is left to be protected by Landlock.
    protected: Vec<PathBuf>,
    /// Whether protected folders were hidden.
    hidden: bool,
}

impl Place {
    /// Looks at the folders, and hides the protected ones that Landlock cannot protect well. Called
    /// before there is a second thread.
    fn of(specification: &Specification) -> Result<Self, Refused> {
        let Specification { working_directory, protected, .. } = specification;
        let directory = match Path::new(working_directory).canonicalize() {
            Ok(canonical) if canonical.is_dir() => canonical,
            _ => {
                let text = format!("there is no directory `{working_directory}` to run in");
                return Err(Refused(Refusal::NotFound, text));
            }
        };
        // A link inside the granted folder must not lead out of it: what is written is confined to where
        // the program runs.
        if !directory.starts_with(resolve(Path::new(&specification.within))) {
            let text = format!("`{working_directory}` leads out of the granted directory");
            return Err(Refused(Refusal::Failed, text));
        }
        let protected: Vec<_> = protected.iter().map(|path| resolve(Path::new(path))).collect();
        if protected.iter().any(|folder| directory.starts_with(folder)) {
            let text = format!(
                "`{working_directory}` is where initrunner keeps its state; choose another working \
                 directory"
            );
            return Err(Refused(Refusal::Failed, text));
        }
        // A granted folder that is not there gives nothing.
        let folders = |paths: &[String]| -> Vec<PathBuf> {
            paths.iter().filter_map(|path| Path::new(path).canonicalize().ok()).collect()
        };
        let (read, mut write) = (folders(&specification.read), folders(&specification.write));
        write.push(directory.clone());
        #[cfg(target_os = "linux")]
        let write = super::isolate::writable(write);
        let place = Self { directory, read, write, protected, hidden: false };
        #[cfg(target_os = "linux")]
        if specification.hide {
            return place.hiding();
        }
        Ok(place)
    }

    #[cfg(target_os = "linux")]
    fn hiding(self) -> Result<Self, Refused> {
        let (to_hide, rest): (Vec<_>, Vec<_>) =
            self.protected.iter().cloned().partition(|folder| {
                folder.is_dir() && self.write.iter().any(|writable| folder.starts_with(writable))
            });
        match super::hide::hide(&to_hide) {
            Ok(true) => Ok(Self { protected: rest, hidden: true, ..self }),
            Ok(false) => Ok(self),
            Err(error) => {
                Err(Refused(Refusal::CannotHide, format!("cannot hide the state folder: {error}")))
            }
        }
    }
}

/// Starts the program on this thread, restricted; returns when `held` was let go.
fn start(
    specification: &Specification,
    place: Place,
    held: Held,
    tell: &mpsc::Sender<Result<Progress, Refused>>,
) -> Result<(Pid, Instant), Refused> {
    let Specification { program, arguments, environment, .. } = specification;
    let Place { directory, read, write, protected, hidden } = place;
    let found = find(program, &directory)?;

    let failed = |text| Refused(Refusal::Failed, text);
    #[cfg(target_os = "linux")]
    let reach = super::isolate::Reach { read, write, network: specification.network };
    #[cfg(target_os = "linux")]
    let isolation = super::isolate::isolate(&reach, &protected, hidden).map_err(failed)?;
    #[cfg(not(target_os = "linux"))]
    let isolation = {
        let _ = (read, write, protected, hidden);
        "none".to_owned()
    };

    #[expect(clippy::disallowed_methods, reason = "this is the process capability")]
    let mut command = Command::new(&found);
    command
        .arg0(program)
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("LANG", LANG)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&directory)
        .stdin(Stdio::null())
        .process_group(0);
    #[expect(unsafe_code, reason = "this is the only way to know a process before it is a program")]
    // SAFETY: `Held::wait` makes system calls only, which is all that may happen between fork and exec
    // in a process with threads.
    unsafe {
        command.pre_exec(move || held.wait());
    }
    // Whoever receives it waits for this function's answer as well.
    let _ = tell.send(Ok(Progress::Isolated(isolation)));
    // The handle is not needed: the main thread reaps whatever ends, this program included.
    match command.spawn() {
        Ok(child) => Ok((Pid::from_child(&child), Instant::now())),
        Err(error) => Err(match error.kind() {
            io::ErrorKind::NotFound => Refused(
                Refusal::NotFound,
                format!("`{program}` names an interpreter in its first line that does not exist"),
            ),
            io::ErrorKind::ArgumentListTooLong => Refused(
                Refusal::Invalid,
                format!("the arguments of `{program}` are longer than the system allows"),
            ),
            #[cfg(target_os = "linux")]
            io::ErrorKind::PermissionDenied if !super::isolate::reads(&reach, &found) => {
                failed(format!(
                    "`{program}` lies outside of the folders that programs may read; the role has to \
                     grant its folder (a shell tool's `read`)"
                ))
            }
            _ => failed(format!("`{program}` cannot be started: {error}")),
        }),
    }
}

/// Where the program is: a name in [`PATH`], or a path seen from the working directory.
fn find(program: &str, directory: &Path) -> Result<PathBuf, Refused> {
    let runnable =
        |path: &PathBuf| path.is_file() && rustix::fs::access(path, Access::EXEC_OK).is_ok();
    if program.contains('/') {
        // Without the `.` of `./tool`, which scripts would show in `$0`.
        let path: PathBuf = directory.join(program).components().collect();
        return if runnable(&path) {
            Ok(path)
        } else {
            Err(Refused(Refusal::NotFound, format!("there is no program at `{program}`")))
        };
    }
    PATH.split(':')
        .filter(|_| !program.is_empty())
        .map(|folder| Path::new(folder).join(program))
        .find(runnable)
        .ok_or_else(|| {
            let text = format!(
                "there is no program `{program}` in `{PATH}`; install it there or name it by its path"
            );
            Refused(Refusal::NotFound, text)
        })
}

/// The canonical form of a path whose end may not exist yet.
fn resolve(path: &Path) -> PathBuf {
    if let Ok(canonical) = path.canonicalize() {
        return canonical;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => resolve(parent).join(name),
        _ => path.to_owned(),
    }
}

fn null() -> io::Result<OwnedFd> {
    Ok(File::options().read(true).write(true).open("/dev/null")?.into())
}

/// Whatever the host's own parent left open (a shell's `3>log`) stays with this process: ours are
/// opened close-on-exec, foreign ones are made so here.
fn close_inherited_on_exec() -> io::Result<()> {
    let open: Vec<i32> = std::fs::read_dir("/dev/fd")?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&number| number > 2)
        .collect();
    for number in open {
        #[expect(
            unsafe_code,
            reason = "there is no safe way to name a descriptor of unknown origin"
        )]
        // SAFETY: no other thread runs yet, so nothing closes or reuses the number meanwhile, and the
        // borrow ends with this statement. The one number that is closed by now, the listing's own,
        // gives an error.
        let _ = fcntl_setfd(unsafe { BorrowedFd::borrow_raw(number) }, FdFlags::CLOEXEC);
    }
    Ok(())
}
