//! What a component can open, connect to or read when nothing is granted. Each word tries one thing and
//! tells what came of it.

pub(crate) mod request;

use initrunner_sdk::{Content, Failure};
use wasip2::http::{outgoing_handler, types as http};
use wasip2::sockets::{instance_network, ip_name_lookup, network, tcp, tcp_create_socket};
use wasip2::{cli, filesystem};

/// Tries one thing.
pub(crate) fn reach(action: &str, text: &str) -> Result<Content, Failure> {
    let told = match action {
        "request" => return request::send(text),
        "request-fail" => return request::send_or_fail(text),
        "request-crash" => return request::send_or_crash(text),
        "request-flood" => return request::flood(text),
        "request-hold" => return request::hold(text),
        "environment" => format!("{:?}", cli::environment::get_environment()),
        "arguments" => format!("{:?}", cli::environment::get_arguments()),
        "directory" => format!("{:?}", cli::environment::initial_cwd()),
        "preopens" => format!("{} folders", filesystem::preopens::get_directories().len()),
        "input" => match cli::stdin::get_stdin().blocking_read(16) {
            Ok(bytes) => format!("{} bytes", bytes.len()),
            Err(error) => format!("{error:?}"),
        },
        "open" => format!("{:?}", std::fs::read(text).map_err(|error| error.kind())),
        "write" => format!("{:?}", std::fs::write(text, "x").map_err(|error| error.kind())),
        "list" => {
            format!("{:?}", std::fs::read_dir(text).map(|_| ()).map_err(|error| error.kind()))
        }
        "connect" => connect(),
        "resolve" => resolve(text),
        "http" => request(),
        "process" => {
            match initrunner_sdk::process::run(
                "id",
                &[],
                &initrunner_sdk::process::Options::default(),
            ) {
                Ok(output) => format!("{:?}", output.ending),
                Err(error) => format!("{error:?}"),
            }
        }
        // What a tool does that leaves a trace.
        "script" => {
            let options = initrunner_sdk::process::Options::default();
            match initrunner_sdk::process::run_script(text, &options) {
                Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
                Err(error) => format!("{error:?}"),
            }
        }
        // What a tool does that reports a failure of its own.
        "connect-fail" => return Err(Failure::Failed(connect())),
        "resolve-fail" => return Err(Failure::Failed(resolve(text))),
        other => return Err(Failure::InvalidArguments(format!("unknown: {other}"))),
    };
    Ok(Content::Text(told))
}

fn connect() -> String {
    let network = instance_network::instance_network();
    let socket = match tcp_create_socket::create_tcp_socket(network::IpAddressFamily::Ipv4) {
        Ok(socket) => socket,
        Err(error) => return format!("no socket: {error:?}"),
    };
    let address = network::IpSocketAddress::Ipv4(network::Ipv4SocketAddress {
        port: 80,
        address: (127, 0, 0, 1),
    });
    match tcp::TcpSocket::start_connect(&socket, &network, address) {
        Ok(()) => "connecting".into(),
        Err(error) => format!("no connection: {error:?}"),
    }
}

fn resolve(name: &str) -> String {
    let network = instance_network::instance_network();
    let stream = match ip_name_lookup::resolve_addresses(&network, name) {
        Ok(stream) => stream,
        Err(error) => return format!("no look-up: {error:?}"),
    };
    stream.subscribe().block();
    format!("{:?}", stream.resolve_next_address())
}

fn request() -> String {
    let request = http::OutgoingRequest::new(http::Fields::new());
    if request.set_scheme(Some(&http::Scheme::Http)).is_err()
        || request.set_authority(Some("127.0.0.1:80")).is_err()
        || request.set_path_with_query(Some("/")).is_err()
    {
        return "no request".into();
    }
    match outgoing_handler::handle(request, None) {
        Err(error) => format!("refused: {error:?}"),
        Ok(response) => {
            response.subscribe().block();
            match response.get() {
                Some(Ok(Ok(response))) => format!("status {}", response.status()),
                Some(Ok(Err(error))) => format!("refused: {error:?}"),
                other => format!("{:?}", other.is_some()),
            }
        }
    }
}
