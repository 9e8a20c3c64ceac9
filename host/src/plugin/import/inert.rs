//! The parts of standard WASI that reach nothing: sockets and the look-up of names for every component,
//! and files for one that is granted none. They are linked all the same, since language runtimes import
//! them whether they use them or not; what was reached is remembered, so that a failure can say what to
//! write to allow it.

use super::super::state::State;
use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::filesystem::{WasiFilesystemCtxView, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::sockets::{
    ip_name_lookup, network, tcp_create_socket, udp_create_socket,
};
use wasmtime_wasi::p2::{DynPollable, SocketError, SocketResult, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::WasiSocketsView as _;

/// Something inert that a component reached for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Reached {
    /// A folder or a file.
    Files,
    /// A socket, or the address of a name.
    Sockets,
}

impl Reached {
    /// The clause about it, with what to write to allow it.
    pub(in super::super) fn clause(self) -> &'static str {
        match self {
            Self::Files => {
                "it looked for files, and the role grants it none; add `grants: {files: [{path: PATH, \
                 access: read}]}` to the entry to let it have some"
            }
            Self::Sockets => {
                "it tried to use the network by itself; no grant gives sockets or the look-up of names, \
                 and a tool that sends HTTP requests needs `grants: {http: [{host: HOST}]}` in the entry"
            }
        }
    }
}

/// Links the refusing parts over the ones of `wasmtime-wasi`.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    tcp_create_socket::add_to_linker::<State, Sockets>(linker, refusing)?;
    udp_create_socket::add_to_linker::<State, Sockets>(linker, refusing)?;
    ip_name_lookup::add_to_linker::<State, Sockets>(linker, refusing)?;
    preopens::add_to_linker::<State, Files>(linker, noting)?;
    linker.allow_shadowing(false);
    Ok(())
}

struct Sockets;

impl HasData for Sockets {
    type Data<'a> = Refusing<'a>;
}

/// Refuses every socket.
struct Refusing<'a>(&'a mut State);

fn refusing(state: &mut State) -> Refusing<'_> {
    Refusing(state)
}

impl Refusing<'_> {
    fn refuse<T>(&mut self) -> SocketResult<T> {
        *self.0.reached() = Some(Reached::Sockets);
        Err(network::ErrorCode::AccessDenied.into())
    }
}

impl network::Host for Refusing<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<network::ErrorCode> {
        error.downcast()
    }

    fn network_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<network::ErrorCode>> {
        network::Host::network_error_code(&mut self.0.sockets(), error)
    }
}

impl network::HostNetwork for Refusing<'_> {
    fn drop(&mut self, network: Resource<network::Network>) -> wasmtime::Result<()> {
        network::HostNetwork::drop(&mut self.0.sockets(), network)
    }
}

impl tcp_create_socket::Host for Refusing<'_> {
    fn create_tcp_socket(
        &mut self,
        _: network::IpAddressFamily,
    ) -> SocketResult<Resource<TcpSocket>> {
        self.refuse()
    }
}

impl udp_create_socket::Host for Refusing<'_> {
    async fn create_udp_socket(
        &mut self,
        _: network::IpAddressFamily,
    ) -> SocketResult<Resource<UdpSocket>> {
        self.refuse()
    }
}

impl ip_name_lookup::Host for Refusing<'_> {
    fn resolve_addresses(
        &mut self,
        _: Resource<network::Network>,
        _: String,
    ) -> SocketResult<Resource<ip_name_lookup::ResolveAddressStream>> {
        self.refuse()
    }
}

/// Nothing makes one of these streams.
impl ip_name_lookup::HostResolveAddressStream for Refusing<'_> {
    fn resolve_next_address(
        &mut self,
        _: Resource<ip_name_lookup::ResolveAddressStream>,
    ) -> SocketResult<Option<network::IpAddress>> {
        self.refuse()
    }

    fn subscribe(
        &mut self,
        _: Resource<ip_name_lookup::ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        wasmtime::bail!("no look-up of names has begun")
    }

    fn drop(
        &mut self,
        stream: Resource<ip_name_lookup::ResolveAddressStream>,
    ) -> wasmtime::Result<()> {
        ip_name_lookup::HostResolveAddressStream::drop(&mut self.0.sockets(), stream)
    }
}

struct Files;

impl HasData for Files {
    type Data<'a> = Noting<'a>;
}

/// Gives the granted folders, and notes where there are none.
struct Noting<'a>(&'a mut State);

fn noting(state: &mut State) -> Noting<'_> {
    Noting(state)
}

impl preopens::Host for Noting<'_> {
    fn get_directories(
        &mut self,
    ) -> wasmtime::Result<Vec<(Resource<preopens::Descriptor>, String)>> {
        let mut view: WasiFilesystemCtxView<'_> = self.0.filesystem();
        let folders = preopens::Host::get_directories(&mut view)?;
        if folders.is_empty() {
            self.0.reached().get_or_insert(Reached::Files);
        }
        Ok(folders)
    }
}
