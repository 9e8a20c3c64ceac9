//! Every function of standard WASI that needs no handle, by its own name: what a component can begin
//! with. A function that gives something beyond this world answers with a failure where it is refused.

use initrunner_sdk::{Content, Failure};
use wasip2::http::{outgoing_handler, types as http};
use wasip2::sockets::network::IpAddressFamily;
use wasip2::sockets::{instance_network, ip_name_lookup, tcp_create_socket, udp_create_socket};
use wasip2::{cli, clocks, filesystem, io, random};

/// Calls the function of this name.
pub(crate) fn reach(name: &str, text: &str) -> Option<Result<Content, Failure>> {
    let told = match name {
        "wasi:cli/environment.get-environment" => {
            format!("{:?}", cli::environment::get_environment())
        }
        "wasi:cli/environment.get-arguments" => format!("{:?}", cli::environment::get_arguments()),
        "wasi:cli/environment.initial-cwd" => format!("{:?}", cli::environment::initial_cwd()),
        "wasi:cli/stdin.get-stdin" => match cli::stdin::get_stdin().blocking_read(16) {
            Ok(bytes) => format!("{} bytes", bytes.len()),
            Err(error) => format!("{error:?}"),
        },
        "wasi:cli/stdout.get-stdout" => {
            written(cli::stdout::get_stdout().blocking_write_and_flush(b"x"))
        }
        "wasi:cli/stderr.get-stderr" => {
            written(cli::stderr::get_stderr().blocking_write_and_flush(b"x"))
        }
        "wasi:cli/terminal-stdin.get-terminal-stdin" => {
            found(cli::terminal_stdin::get_terminal_stdin())
        }
        "wasi:cli/terminal-stdout.get-terminal-stdout" => {
            found(cli::terminal_stdout::get_terminal_stdout())
        }
        "wasi:cli/terminal-stderr.get-terminal-stderr" => {
            found(cli::terminal_stderr::get_terminal_stderr())
        }
        "wasi:clocks/monotonic-clock.now" => told(clocks::monotonic_clock::now() > 0),
        "wasi:clocks/monotonic-clock.resolution" => told(clocks::monotonic_clock::resolution() > 0),
        "wasi:clocks/monotonic-clock.subscribe-instant" => {
            told(clocks::monotonic_clock::subscribe_instant(0).ready())
        }
        "wasi:clocks/monotonic-clock.subscribe-duration" => {
            told(clocks::monotonic_clock::subscribe_duration(0).ready())
        }
        "wasi:clocks/wall-clock.now" => told(clocks::wall_clock::now().seconds > 0),
        "wasi:clocks/wall-clock.resolution" => {
            told(clocks::wall_clock::resolution().nanoseconds > 0)
        }
        "wasi:filesystem/preopens.get-directories" => {
            let folders = filesystem::preopens::get_directories().len();
            if folders == 0 {
                return Some(Err(Failure::Failed("no pre-opened folders".into())));
            }
            format!("{folders} folders")
        }
        "wasi:io/poll.poll" => {
            let ready = clocks::monotonic_clock::subscribe_duration(0);
            format!("{:?}", io::poll::poll(&[&ready]))
        }
        "wasi:random/random.get-random-bytes" => {
            told(random::random::get_random_bytes(8).len() == 8)
        }
        "wasi:random/random.get-random-u64" => told(random::random::get_random_u64() > 0),
        "wasi:random/insecure.get-insecure-random-bytes" => {
            told(random::insecure::get_insecure_random_bytes(8).len() == 8)
        }
        "wasi:random/insecure.get-insecure-random-u64" => {
            told(random::insecure::get_insecure_random_u64() > 0)
        }
        "wasi:random/insecure-seed.insecure-seed" => {
            told(random::insecure_seed::insecure_seed() != (0, 0))
        }
        "wasi:sockets/instance-network.instance-network" => {
            let _handle = instance_network::instance_network();
            "a handle".into()
        }
        "wasi:sockets/ip-name-lookup.resolve-addresses" => {
            let network = instance_network::instance_network();
            match ip_name_lookup::resolve_addresses(&network, text) {
                Ok(_) => "a look-up".into(),
                Err(error) => return refused(error.name()),
            }
        }
        "wasi:sockets/tcp-create-socket.create-tcp-socket" => {
            match tcp_create_socket::create_tcp_socket(IpAddressFamily::Ipv6) {
                Ok(_) => "a socket".into(),
                Err(error) => return refused(error.name()),
            }
        }
        "wasi:sockets/udp-create-socket.create-udp-socket" => {
            match udp_create_socket::create_udp_socket(IpAddressFamily::Ipv4) {
                Ok(_) => "a socket".into(),
                Err(error) => return refused(error.name()),
            }
        }
        "wasi:http/outgoing-handler.handle" => {
            let request = http::OutgoingRequest::new(http::Fields::new());
            let _ = request.set_scheme(Some(&http::Scheme::Https));
            let _ = request.set_authority(Some("example.com"));
            let _ = request.set_path_with_query(Some("/"));
            match outgoing_handler::handle(request, None) {
                Err(error) => return refused(&format!("{error:?}")),
                Ok(response) => {
                    response.subscribe().block();
                    match response.get() {
                        Some(Ok(Ok(_))) => "a response".into(),
                        Some(Ok(Err(error))) => return refused(&format!("{error:?}")),
                        _ => "nothing".into(),
                    }
                }
            }
        }
        _ => return None,
    };
    Some(Ok(Content::Text(told)))
}

fn refused(code: &str) -> Option<Result<Content, Failure>> {
    Some(Err(Failure::Failed(format!("refused: {code}"))))
}

fn told(fact: bool) -> String {
    fact.to_string()
}

fn found<T>(terminal: Option<T>) -> String {
    if terminal.is_some() { "a terminal".into() } else { "None".into() }
}

fn written<E: std::fmt::Debug>(result: Result<(), E>) -> String {
    match result {
        Ok(()) => "written".into(),
        Err(error) => format!("{error:?}"),
    }
}
