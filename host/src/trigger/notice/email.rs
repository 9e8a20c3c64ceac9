//! Notices by e-mail: plain text over SMTP, encrypted unless the server is this machine.

use super::words::{subject, text};
use crate::domain::digest::Digest;
use crate::domain::visible::one_line;
use crate::ops::Host;
use crate::trigger::chat::read_address;
use crate::trigger::{Notice, SendError, Sender, Sending};
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use rustls::crypto::ring;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How long a server may take for each of its answers: some look a sender up before they greet.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most characters of a subject: what mail programs show of one.
const LONGEST_SUBJECT: usize = 150;

/// Answers that say that user or password is wrong (RFC 4954): they may be put right.
const NOT_AUTHENTICATED: [u16; 3] = [530, 534, 535];

/// What mail is sent with.
pub struct EmailParts {
    /// The host that it works for.
    pub host: Host,
    /// `smtps://HOST[:PORT]`, encrypted from the first byte; `smtp://HOST[:PORT]`, encrypted by STARTTLS, or not
    /// at all where it is a loopback address.
    pub server: String,
    /// The sender.
    pub from: String,
    /// The receivers.
    pub to: Vec<String>,
    /// The user's name at the server.
    pub user: Option<String>,
    /// And the password.
    pub password: Option<String>,
}

/// One server, one sender, some receivers.
struct Email {
    host: Host,
    transport: AsyncSmtpTransport<Tokio1Executor>,
    server: String,
    from: Mailbox,
    to: Vec<Mailbox>,
}

/// Makes a sender by mail; nothing is sent yet.
///
/// # Errors
/// A sentence with the cure: an address or the server cannot be used.
pub fn open(parts: EmailParts) -> Result<Arc<dyn Sender>, String> {
    let EmailParts { host, server, from, to, user, password } = parts;
    let url = match read_address(&server, "smtps", "smtp") {
        Ok(url) => url,
        // What STARTTLS encrypts begins in the clear.
        Err(_) if server.starts_with("smtp://") => read_address(&server, "smtp", "smtp")?,
        Err(why) => return Err(why),
    };
    let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    // The process's provider; an error means that there is one already.
    let _ = ring::default_provider().install_default();
    let cannot =
        |error: lettre::transport::smtp::Error| format!("`{server}` cannot be used: {error}");
    let loopback = name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let transport = match url.scheme() {
        "smtps" => AsyncSmtpTransport::<Tokio1Executor>::relay(&name).map_err(cannot)?,
        _ if loopback => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(name.clone()),
        _ => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&name).map_err(cannot)?,
    };
    let transport = match url.port() {
        Some(port) => transport.port(port),
        None => transport,
    };
    let transport = match (user, password) {
        (Some(user), Some(password)) => transport.credentials(Credentials::new(user, password)),
        (None, None) => transport,
        _ => return Err("a user's name and a password go together; name both, or none".into()),
    };
    let transport = transport.timeout(Some(PATIENCE)).build();
    let from = mailbox(&from)?;
    let to = to.iter().map(|to| mailbox(to)).collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(Email { host, transport, server: name, from, to }))
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    // A line end would begin a header of its own.
    let plain = !text.chars().any(char::is_control);
    let parsed = text.parse().ok().filter(|_| plain);
    parsed.ok_or_else(|| format!("`{}` is no mail address", one_line(text)))
}

impl Email {
    fn compose(&self, notice: &Notice) -> Option<Message> {
        let seconds = u64::try_from(self.host.now().0.div_euclid(1_000_000)).ok()?;
        let subject: String = one_line(&subject(notice)).chars().take(LONGEST_SUBJECT).collect();
        let run = name(notice.run.run.id.as_str());
        let builder = Message::builder()
            .from(self.from.clone())
            .subject(subject)
            .date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            // The same at each attempt: most servers and programs keep one of two that are equal.
            .message_id(Some(name(&notice.key)))
            // So that everything about one run stands together.
            .references(run)
            .header(ContentType::TEXT_PLAIN);
        let builder = self.to.iter().fold(builder, |builder, to| builder.to(to.clone()));
        builder.body(text(notice)).ok()
    }
}

/// A message's name, made of something that is the same whenever it is asked for.
fn name(of: &str) -> String {
    format!("<{}@initrunner.invalid>", Digest::of(of.as_bytes()).hex())
}

impl Sender for Email {
    fn send(&self, notice: Notice) -> Sending<'_> {
        Box::pin(async move {
            let message = self
                .compose(&notice)
                .ok_or_else(|| SendError::Never("the notice makes no mail".into()))?;
            match self.transport.send(message).await {
                Ok(_) => Ok(None),
                Err(error) => {
                    let code = error.status().map(u16::from);
                    let said = match code {
                        Some(code) => format!("{} answered {code}", self.server),
                        None if error.is_timeout() => format!("{} gave no answer", self.server),
                        None => format!("{} cannot be reached: {error}", self.server),
                    };
                    let wrong = code.is_some_and(|code| NOT_AUTHENTICATED.contains(&code));
                    match error.is_permanent() && !wrong {
                        true => Err(SendError::Never(said)),
                        false => Err(SendError::Later(said)),
                    }
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_line() {
        assert!(mailbox("Ops <ops@example.com>").is_ok());
        for text in ["", "ops", "ops@example.com\r\nBcc: all@example.com", "a@b\nc@d"] {
            assert!(mailbox(text).is_err(), "{text:?}");
        }
        let error = mailbox("a@b\r\nBcc: c@d").unwrap_err();
        assert_eq!(error, "`a@b\\r\\nBcc: c@d` is no mail address");
    }

    #[test]
    fn a_name_is_the_same_for_the_same() {
        assert_eq!(name("a"), name("a"));
        assert_ne!(name("a"), name("b"));
        assert!(name("a").starts_with('<') && name("a").ends_with("@initrunner.invalid>"));
    }
}
