//! Requests to a server on this machine that takes connections and never answers. Refused or granted, a
//! call that sends them ends within its limit and leaves no connection behind.

use super::{SLOWEST, alone, cache, open, wait};
use initrunner_tests::sandbox::Sandbox;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Takes connections and holds them.
struct Silent {
    address: String,
    taken: Arc<AtomicUsize>,
    held: Arc<Mutex<Vec<TcpStream>>>,
}

impl Silent {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (taken, held) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (count, keep) = (Arc::clone(&taken), Arc::clone(&held));
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                keep.lock().unwrap().push(connection);
            }
        });
        Self { address, taken, held }
    }

    /// How many of the connections that it took the other side still holds open.
    fn open(&self) -> usize {
        let held = self.held.lock().unwrap();
        let is_open = |connection: &&TcpStream| {
            connection.set_nonblocking(true).unwrap();
            let mut byte = [0];
            // What was sent is read first; the end, once the other side is gone.
            loop {
                match std::io::Read::read(&mut &**connection, &mut byte) {
                    Ok(0) => return false,
                    Ok(_) => {}
                    Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
                }
            }
        };
        held.iter().filter(is_open).count()
    }
}

#[test]
fn a_server_that_never_answers_holds_nobody_up() {
    let _alone = alone();
    let server = Silent::start();
    let port = server.address.rsplit_once(':').unwrap().1.to_owned();
    let granted = format!(
        "grants: {{http: [{{scheme: http, host: 127.0.0.1, ports: [{port}], networks: [127.0.0.0/8]}}]}}"
    );
    for settings in ["", granted.as_str()] {
        for word in ["hold", "requests"] {
            let (took, said) = wait(async {
                let sandbox = Sandbox::new(Some(cache()));
                let settings = format!("{settings}\nlimits: {{timeout_seconds: 1}}");
                let tools = open(&sandbox, &settings).await;
                let arguments = serde_json::json!({"do": word, "text": server.address}).to_string();
                let began = Instant::now();
                let said = sandbox.call(&tools, "hostile", &arguments).await;
                let took = began.elapsed();
                assert_eq!(sandbox.call(&tools, "hostile", "{}").await, "ok: nothing");
                (took, said)
            });
            assert!(took < SLOWEST, "{word}: {took:?}");
            assert!(said.starts_with("failed: "), "{word}: {said}");
            if settings.is_empty() {
                assert!(said.contains("HTTP request"), "{word}: {said}");
                assert_eq!(server.taken.load(Ordering::SeqCst), 0, "{word} reached it");
            } else {
                assert!(server.taken.load(Ordering::SeqCst) > 0, "{word} did not reach it: {said}");
                println!("{word}, granted: {:.1} s, {said}", took.as_secs_f32());
            }
        }
    }
    // The host lets go of a connection in its own time, but does.
    let began = Instant::now();
    while server.open() > 0 {
        assert!(began.elapsed() < SLOWEST, "{} connections are still open", server.open());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
