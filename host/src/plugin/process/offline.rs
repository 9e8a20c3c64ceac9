//! Keeping a program off the network, and off everything else that is reached through a socket: a
//! seccomp filter that makes creating one fail.
//!
//! A network namespace would leave the sockets that have a path: `docker.sock`, an SSH agent, the bus
//! on which a user's service manager starts programs outside of any sandbox. Landlock restricts TCP
//! alone. Without sockets there is nothing to connect; pairs of connected ones, which programs use
//! among themselves, stay.
//!
//! Sources: seccomp(2), seccomp_filter of the kernel's documentation, io_uring_setup(2).

#![expect(unsafe_code, reason = "prctl(2) with a filter takes a pointer, and no crate here has it")]

use std::io;

/// The number by which the kernel names this machine's calls, `AUDIT_ARCH_*` in linux/audit.h.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: Option<u32> = Some(0xc000_003e);
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: Option<u32> = Some(0xc000_00b7);
#[cfg(target_arch = "riscv64")]
const ARCHITECTURE: Option<u32> = Some(0xc000_00f3);
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
const ARCHITECTURE: Option<u32> = None;

/// Where `seccomp_data` holds the call's number, the architecture, and the lower half of the second
/// argument (all of these machines are little-endian).
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const SECOND_ARGUMENT: u32 = 24;

/// The bit that marks calls of the x32 interface, which has numbers of its own for the same calls
/// (`__X32_SYSCALL_BIT`). No other machine has numbers as large.
const X32: u32 = 0x4000_0000;

/// Of a socket's type, the bits that are no flags (`SOCK_TYPE_MASK`).
const TYPE: u32 = 0xf;

/// Forbids sockets to the calling thread and to whatever it starts, for ever; it must have given up
/// privileges before. Whether the kernel can.
///
/// # Errors
/// The kernel can and refuses.
pub(super) fn forbid_sockets() -> io::Result<bool> {
    let Some(architecture) = ARCHITECTURE else { return Ok(false) };
    if !available() {
        return Ok(false);
    }
    let mut filter = filter(architecture);
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(io::Error::other)?,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: the program and the filter that it points to outlive the call, which copies them.
    let done =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    if done == 0 { Ok(true) } else { Err(io::Error::last_os_error()) }
}

/// Whether this kernel has filters. Asking changes nothing: seccomp(2) answers EFAULT for no filter where
/// it knows filters.
pub(super) fn available() -> bool {
    let nothing = std::ptr::null::<libc::sock_fprog>();
    // SAFETY: the null pointer is what is asked about; the kernel does not follow it.
    let done = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, nothing) };
    let refused = io::Error::last_os_error().raw_os_error();
    ARCHITECTURE.is_some() && done != 0 && matches!(refused, Some(libc::EFAULT | libc::EACCES))
}

fn filter(architecture: u32) -> [libc::sock_filter; 16] {
    let denied = answer(libc::EACCES);
    // What programs take for a kernel without the call, and do without.
    let absent = answer(libc::ENOSYS);
    [
        load(ARCH),
        // Other interfaces of the same kernel have other numbers for the same calls: 32-bit programs do
        // not run offline.
        libc::sock_filter { jt: 1, jf: 0, ..test(libc::BPF_JEQ, architecture, 0) },
        absent,
        load(NUMBER),
        test(libc::BPF_JGE, X32, 1),
        absent,
        test(libc::BPF_JEQ, libc::SYS_socket as u32, 1),
        denied,
        // A ring makes sockets without that call.
        test(libc::BPF_JEQ, libc::SYS_io_uring_setup as u32, 1),
        absent,
        test(libc::BPF_JEQ, libc::SYS_socketpair as u32, 4),
        load(SECOND_ARGUMENT),
        statement(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, TYPE),
        // One of a pair of datagram sockets can still send to any address.
        test(libc::BPF_JEQ, libc::SOCK_DGRAM as u32, 1),
        denied,
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ]
}

/// Reads a word of the call's description.
fn load(offset: u32) -> libc::sock_filter {
    statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset)
}

/// Goes on with the next statement where the test holds, and leaves out `otherwise` of them where not.
fn test(code: u32, value: u32, otherwise: u8) -> libc::sock_filter {
    let statement = statement(libc::BPF_JMP | code | libc::BPF_K, value);
    libc::sock_filter { jf: otherwise, ..statement }
}

/// Ends the filter: the call fails with this error.
fn answer(error: i32) -> libc::sock_filter {
    statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | error.unsigned_abs())
}

fn statement(code: u32, k: u32) -> libc::sock_filter {
    // The constants are of a wider type than the field, whose values they are.
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k }
}
