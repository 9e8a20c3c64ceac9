//! What programs can reach: folders, links, other processes.

use super::{PLENTY, folder, output, program, says, script};
use initrunner::plugin::process::{Ending, ProcessError, ProcessOutput, available_isolation, run};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The Landlock ABI in force, or none.
fn landlock(output: &ProcessOutput) -> Option<u32> {
    output.isolation.split(' ').find_map(|word| word.strip_prefix("landlock-")?.parse().ok())
}

/// A folder that is not below one of the temporary folders, where every program may write: in the
/// target folder, or, for a checkout that is itself in a temporary folder, at home.
fn folder_outside_tmp() -> TempDir {
    let target = Some(Path::new(env!("CARGO_TARGET_TMPDIR")).to_owned());
    let places = [target, std::env::home_dir(), Some("/var/lib".into())];
    let outside = |place: &PathBuf| {
        let temporary = ["/tmp", "/var/tmp", "/dev/shm"];
        place.canonicalize().is_ok_and(|place| !temporary.iter().any(|tmp| place.starts_with(tmp)))
    };
    let made = places.into_iter().flatten().filter(outside).find_map(|place| {
        tempfile::Builder::new().prefix(".initrunner-test-").tempdir_in(place).ok()
    });
    made.expect("a place outside the temporary folders: set HOME to a folder that can be written")
}

/// Runs a script that tries everything on a protected folder `state` beside its working directory.
async fn attack(base: &Path) -> ProcessOutput {
    let (state, work) = (base.join("state"), base.join("work"));
    fs::create_dir(&state).expect("a folder");
    fs::create_dir(&work).expect("a folder");
    fs::write(state.join("secret"), "hidden").expect("a file");
    fs::write(work.join("mine"), "").expect("a file");
    std::os::unix::fs::symlink("../state", work.join("link")).expect("a link");
    let text = "
        cat ../state/secret link/secret
        echo x > ../state/secret; echo x > link/new; mkdir ../state/folder
        mv mine ../state/mine; mv ../state/secret .; ln ../state/secret hard
        umount ../state; rm -rf ../state; mv ../state moved; cat moved/secret";
    let mut command = script(text, &work);
    command.protected = vec![state.clone()];
    let output = output(command).await;
    if output.isolation != "none" {
        assert_eq!(output.stdout, b"", "{output:?}");
        assert_eq!(fs::read(state.join("secret")).expect("a file"), b"hidden");
        assert_eq!(fs::read_dir(&state).expect("a folder").count(), 1);
        assert!(!work.join("secret").exists() && !work.join("hard").exists());
    }
    output
}

#[tokio::test]
async fn a_link_does_not_lead_out_of_the_granted_directory() {
    let (granted, outside) = (folder(), folder());
    std::os::unix::fs::symlink(outside.path(), granted.path().join("link")).expect("a link");
    let mut command = program("touch", &["here"], granted.path());
    command.working_directory = granted.path().join("link");
    let refused = run(command, PLENTY).await.expect_err("it leads out");
    let expected =
        format!("`{}` leads out of the granted directory", granted.path().join("link").display());
    assert_eq!(refused, ProcessError::Failed(expected));
    assert!(!outside.path().join("here").exists());

    fs::create_dir(granted.path().join("inner")).expect("a folder");
    std::os::unix::fs::symlink("inner", granted.path().join("within")).expect("a link");
    let mut command = program("touch", &["here"], granted.path());
    command.working_directory = granted.path().join("within");
    run(command, PLENTY).await.expect("it stays inside");
    assert!(granted.path().join("inner/here").exists());
}

#[tokio::test]
async fn a_protected_folder_can_be_neither_read_nor_written() {
    let base = folder_outside_tmp();
    let output = attack(base.path()).await;
    assert!(!output.isolation.contains("mount-namespace"), "{output:?}");
}

#[tokio::test]
async fn a_protected_folder_in_a_writable_one_can_be_neither_read_nor_written() {
    let base = folder();
    attack(base.path()).await;
}

#[tokio::test]
async fn a_working_directory_around_a_protected_folder_is_as_good_as_any() {
    let base = folder_outside_tmp();
    let (state, beside) = (base.path().join("state"), base.path().join("beside"));
    fs::create_dir(&state).expect("a folder");
    fs::create_dir(&beside).expect("a folder");
    fs::write(state.join("secret"), "hidden").expect("a file");
    let text = "cat state/secret; echo x > state/secret; echo new > beside/file
        echo made > file && mkdir -p scratch/a && rm -rf scratch && rm file && echo done";
    let mut command = script(text, base.path());
    command.protected = vec![state.clone()];
    let output = output(command).await;
    assert_eq!(fs::read(beside.join("file")).expect("a file"), b"new\n");
    if output.isolation != "none" {
        assert_eq!(fs::read(state.join("secret")).expect("a file"), b"hidden");
    }
    // Elsewhere the working directory itself is closed: see the module's documentation.
    if output.isolation.contains("mount-namespace") {
        assert_eq!(output.stdout, b"done\n", "{output:?}");
    }
}

#[tokio::test]
async fn a_protected_folder_that_is_not_there_yet_cannot_be_made() {
    let base = folder();
    fs::create_dir(base.path().join("beside")).expect("a folder");
    let mut command = script("mkdir -p later/x; echo x > beside/file", base.path());
    command.protected = vec![base.path().join("later")];
    let output = output(command).await;
    if landlock(&output).is_some() {
        assert!(!base.path().join("later").exists());
    }
    assert_eq!(fs::read(base.path().join("beside/file")).expect("a file"), b"x\n");
}

#[tokio::test]
async fn a_working_directory_inside_a_protected_folder_is_refused() {
    let base = folder();
    let inside = base.path().join("inside");
    fs::create_dir(&inside).expect("a folder");
    for directory in [base.path(), &inside] {
        let mut command = program("true", &[], directory);
        command.protected = vec![base.path().to_owned()];
        let error = run(command, PLENTY).await;
        assert!(
            matches!(&error, Err(ProcessError::Failed(text)) if text.contains("choose another")),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn programs_write_in_the_working_directory_and_read_what_is_granted() {
    let elsewhere = folder_outside_tmp();
    let ordinary = elsewhere.path().join("ordinary");
    fs::write(&ordinary, "to be read").expect("a file");
    let work = folder();
    let text = format!(
        "mkdir -p a/b && echo x > a/b/c && mv a/b/c d && rm -rf a && mkfifo p &&
         echo out > /dev/stdout && echo err > /dev/stderr && : > /dev/null &&
         t=$(mktemp) && rm $t && ls /usr > /dev/null && cat {0} && ! echo changed > {0}",
        ordinary.display()
    );
    let mut command = script(&text, work.path());
    command.read = vec![ordinary.clone()];
    let output = output(command).await;
    assert!(output.stdout.starts_with(b"out\nto be read"), "{output:?}");
    assert!(output.stderr.starts_with(b"err\n"), "{output:?}");
    if landlock(&output).is_some() {
        assert_eq!(output.ending, Ending::Exited(0), "{output:?}");
        assert_eq!(fs::read(&ordinary).expect("a file"), b"to be read");
    }
}

/// What a script that tries to read and to write a file and the folder it lies in prints: one word for
/// each that works.
async fn tries(file: &Path, read: &[&Path], write: &[&Path]) -> Option<String> {
    let folder = file.parent().expect("a folder");
    let text = format!(
        "cat {0} >/dev/null 2>&1 && echo read; ls {1} >/dev/null 2>&1 && echo listed
         (echo x >> {0}) 2>/dev/null && echo wrote; (: > {1}/new) 2>/dev/null && echo made",
        file.display(),
        folder.display()
    );
    let work = folder_outside_tmp();
    let mut command = script(&text, work.path());
    command.read = read.iter().map(|&path| path.to_owned()).collect();
    command.write = write.iter().map(|&path| path.to_owned()).collect();
    let output = output(command).await;
    landlock(&output)?;
    let _ = fs::remove_file(folder.join("new"));
    Some(String::from_utf8(output.stdout).expect("words").replace('\n', " ").trim().to_owned())
}

#[tokio::test]
async fn what_is_not_granted_cannot_be_read() {
    let home = folder_outside_tmp();
    let (base, key) = (home.path(), home.path().join("id_ed25519"));
    fs::write(&key, "key").expect("a file");
    let Some(nothing) = tries(&key, &[], &[]).await else { return };
    assert_eq!(nothing, "");
    assert_eq!(tries(&key, &[&key], &[]).await.as_deref(), Some("read"));
    assert_eq!(tries(&key, &[base], &[]).await.as_deref(), Some("read listed"));
    assert_eq!(tries(&key, &[], &[&key]).await.as_deref(), Some("read wrote"));
    assert_eq!(tries(&key, &[], &[base]).await.as_deref(), Some("read listed wrote made"));
    let absent = base.join("absent");
    assert_eq!(tries(&key, &[&absent], &[&absent]).await.as_deref(), Some(""));
    let link = base.join("link");
    std::os::unix::fs::symlink(&key, &link).expect("a link");
    assert_eq!(tries(&key, &[&link], &[]).await.as_deref(), Some("read"));
}

#[tokio::test]
async fn a_program_outside_of_what_is_granted_is_refused_with_the_cure() {
    let elsewhere = folder_outside_tmp();
    let tool = elsewhere.path().join("tool");
    fs::copy("/bin/true", &tool).expect("a program");
    let work = folder();
    let name = tool.display().to_string();
    let refused = run(program(&name, &[], work.path()), PLENTY).await;
    match refused {
        // A kernel without Landlock.
        Ok(output) => assert_eq!(landlock(&output), None),
        Err(error) => assert_eq!(
            error,
            ProcessError::Failed(format!(
                "`{name}` lies outside of the folders that programs may read; the role has to grant its \
                 folder (a shell tool's `read`)"
            ))
        ),
    }
    let mut command = program(&name, &[], work.path());
    command.read = vec![elsewhere.path().to_owned()];
    assert_eq!(output(command).await.ending, Ending::Exited(0));
}

/// Tries every way to a service of this machine, and prints one word for each that works.
const SOCKETS: &str = r#"
import ctypes, socket, sys
tcp, path, datagrams = sys.argv[1:4]
def attempt(word, what):
    try:
        what()
        print(word)
    except OSError:
        pass
def connected(family, kind, address):
    with socket.socket(family, kind) as it:
        it.connect(address)
attempt("tcp", lambda: connected(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", int(tcp))))
attempt("udp", lambda: connected(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", int(tcp))))
attempt("tcp6", lambda: socket.socket(socket.AF_INET6, socket.SOCK_STREAM).close())
attempt("path", lambda: connected(socket.AF_UNIX, socket.SOCK_STREAM, path))
attempt("datagrams", lambda: connected(socket.AF_UNIX, socket.SOCK_DGRAM, datagrams))
attempt("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close())
def from_pair():
    with socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0] as it:
        it.sendto(b"x", datagrams)
attempt("pair of datagrams", from_pair)
def ring():
    # io_uring_setup(2), number 425 on every machine, with room for its parameters.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(425, 4, ctypes.create_string_buffer(256)) < 0:
        raise OSError(ctypes.get_errno(), "no ring")
attempt("ring", ring)
a, b = socket.socketpair()
a.sendall(b"pair")
print(b.recv(4).decode())
"#;

#[tokio::test]
async fn a_program_reaches_the_network_only_where_that_is_granted() {
    let work = folder();
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = tcp.local_addr().expect("an address").port().to_string();
    let (path, datagrams) = (work.path().join("stream"), work.path().join("datagrams"));
    let _stream = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    let _datagrams = std::os::unix::net::UnixDatagram::bind(&datagrams).expect("a socket");
    let attempts = |network| {
        let [path, datagrams] = [&path, &datagrams].map(|it| it.display().to_string());
        let arguments = ["-c", SOCKETS, &port, &path, &datagrams];
        let mut command = program("python3", &arguments, work.path());
        command.network = network;
        output(command)
    };
    let offline = attempts(false).await;
    assert_eq!(offline.ending, Ending::Exited(0), "{offline:?}");
    if offline.isolation.contains("no-network") {
        assert_eq!(String::from_utf8_lossy(&offline.stdout), "pair\n", "{offline:?}");
    }
    let online = attempts(true).await;
    assert!(!online.isolation.contains("no-network"), "{online:?}");
    let reached = String::from_utf8_lossy(&online.stdout).into_owned();
    for word in ["tcp", "udp", "path", "datagrams", "pair of datagrams", "pair"] {
        assert!(reached.lines().any(|line| line == word), "{word}: {online:?}");
    }
}

#[tokio::test]
async fn what_a_machine_can_do_is_known_before_anything_runs() {
    let work = folder();
    for network in [false, true] {
        let mut command = program("true", &[], work.path());
        command.network = network;
        let ran = output(command).await;
        assert_eq!(ran.isolation, available_isolation(network));
    }
}

#[tokio::test]
async fn a_program_cannot_reach_its_supervisor_or_the_host() {
    let host = std::process::id();
    let work = folder();
    let text = format!(
        "kill -0 $PPID && echo signalled supervisor
         kill -0 {host} && echo signalled host
         cat /proc/{host}/environ > /dev/null && echo read environment of host
         ls /proc/$PPID/fd/0 > /dev/null && echo opened supervisor
         kill -0 $$ && (sleep 100 & kill $!) && echo signalled own"
    );
    let output = output(script(&text, work.path())).await;
    if landlock(&output).is_some_and(|abi| abi >= 6) {
        assert_eq!(output.stdout, b"signalled own\n", "{output:?}");
    }
}

#[tokio::test]
async fn a_program_gains_no_privileges() {
    assert_eq!(says("grep NoNewPrivs /proc/self/status").await, "NoNewPrivs:\t1");
}
