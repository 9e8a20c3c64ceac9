//! What a button carries: what it does to which version of which call, signed for one place.
//!
//! 64 bytes are all that Telegram gives a button ("callback_data: 1-64 bytes", Bot API). In them:
//!
//! ```text
//! a k3q7x2mabcde k3q7x2mabc  MAC (22)               12
//! │ run          call        128 bits, base64url    version
//! └ approve, deny, details, retry, report unknown
//! ```
//!
//! The signature covers the trigger and the chat too, so that a button means nothing in another chat, at
//! another bot, or to another role. That it works once is up to the store: the version is of one question, and
//! a question is answered once.

use crate::domain::ids::{CallId, RunId};
use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What the host's key is derived for.
pub(super) const PURPOSE: &str = "buttons in chats, 1";

/// Bytes of the signature: 128 bits, which nobody finds by pressing.
const SIGNATURE: usize = 16;

/// Characters of that in base64url.
const SIGNED: usize = 22;

/// What pressing it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// The call may happen.
    Approve,
    /// It may not.
    Deny,
    /// Everything about it is shown.
    Details,
    /// Its outcome is unknown, and it is tried again.
    Retry,
    /// Its outcome is unknown, and the model is told so.
    ReportUnknown,
}

impl Action {
    const ALL: [(Action, &'static str, &'static str); 5] = [
        (Action::Approve, "a", "Approve"),
        (Action::Deny, "d", "Deny"),
        (Action::Details, "i", "Details"),
        (Action::Retry, "r", "Try again"),
        (Action::ReportUnknown, "u", "Report unknown"),
    ];

    fn letter(self) -> &'static str {
        Self::ALL.into_iter().find(|(it, ..)| *it == self).map_or("", |(_, letter, _)| letter)
    }

    /// What is written on it.
    pub(super) fn label(self) -> &'static str {
        Self::ALL.into_iter().find(|(it, ..)| *it == self).map_or("", |(.., label)| label)
    }
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Button {
    pub(super) action: Action,
    pub(super) run: RunId,
    pub(super) call: CallId,
    /// The number of the question that it answers.
    pub(super) version: i64,
}

/// Signs the buttons of one trigger.
#[derive(Clone)]
pub(super) struct Signer {
    key: Hmac<Sha256>,
}

impl Signer {
    /// With a key of the host for [`PURPOSE`]. `None`: never, since any length is a key.
    pub(super) fn new(key: &[u8], role: &str, trigger: &str) -> Option<Self> {
        let mut key = Hmac::<Sha256>::new_from_slice(key).ok()?;
        update(&mut key, role);
        update(&mut key, trigger);
        Some(Self { key })
    }

    /// The text of a button in one chat: at most 64 bytes of ASCII.
    pub(super) fn sign(&self, chat: &str, button: &Button) -> String {
        let head = format!(
            "{}{}{}",
            button.action.letter(),
            bare(button.run.as_str()),
            bare(button.call.as_str())
        );
        let version = button.version.to_string();
        let mac = self.mac(chat, &head, &version).finalize().into_bytes();
        format!("{head}{}{version}", BASE64URL_NOPAD.encode(&mac[..SIGNATURE]))
    }

    /// Reads what came back from one chat; `None` for anything that was not signed for it.
    pub(super) fn verify(&self, chat: &str, text: &str) -> Option<Button> {
        let head = 1 + RunId::LENGTH + CallId::LENGTH;
        let (head, rest) = text.split_at_checked(head)?;
        let (mac, version) = rest.split_at_checked(SIGNED)?;
        let mac = BASE64URL_NOPAD.decode(mac.as_bytes()).ok()?;
        self.mac(chat, head, version).verify_truncated_left(&mac).ok()?;
        let (letter, rest) = head.split_at_checked(1)?;
        let (run, call) = rest.split_at_checked(RunId::LENGTH)?;
        let (action, ..) = Action::ALL.into_iter().find(|(_, it, _)| *it == letter)?;
        Some(Button {
            action,
            run: RunId::parse(&format!("run_{run}")).ok()?,
            call: CallId::parse(&format!("call_{call}")).ok()?,
            version: version.parse().ok()?,
        })
    }

    fn mac(&self, chat: &str, head: &str, version: &str) -> Hmac<Sha256> {
        let mut mac = self.key.clone();
        update(&mut mac, chat);
        update(&mut mac, head);
        update(&mut mac, version);
        mac
    }
}

/// A text behind its length, so that no two lists of texts are the same bytes.
fn update(mac: &mut Hmac<Sha256>, text: &str) {
    mac.update(&(text.len() as u64).to_be_bytes());
    mac.update(text.as_bytes());
}

/// An id without its type.
fn bare(id: &str) -> &str {
    id.split_once('_').map_or(id, |(_, bare)| bare)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn signer(role: &str, trigger: &str) -> Signer {
        Signer::new(&[7; 32], role, trigger).unwrap()
    }

    fn button(action: Action, random: [u8; 16], version: i64) -> Button {
        let (run, call) = (RunId::from_random(random), CallId::from_random(random));
        Button { action, run, call, version }
    }

    #[test]
    fn the_longest_button_fits_what_telegram_carries() {
        for (action, ..) in Action::ALL {
            let text = signer("r", "t").sign("-100", &button(action, [255; 16], i64::MAX));
            assert_eq!(text.len(), 64);
            assert!(text.is_ascii());
        }
    }

    #[test]
    fn a_button_means_nothing_elsewhere() {
        let ours = signer("role", "chat");
        let text = ours.sign("1", &button(Action::Approve, [1; 16], 5));
        assert!(ours.verify("1", &text).is_some());
        assert_eq!(ours.verify("2", &text), None, "another chat");
        assert_eq!(signer("role", "chat2").verify("1", &text), None, "another trigger");
        assert_eq!(signer("rolec", "hat").verify("1", &text), None, "another role");
        let other = Signer::new(&[8; 32], "role", "chat").unwrap();
        assert_eq!(other.verify("1", &text), None, "another host");
    }

    #[test]
    fn only_a_whole_signature_counts() {
        let ours = signer("role", "chat");
        let text = ours.sign("1", &button(Action::Deny, [1; 16], 5));
        for end in 0..text.len() {
            assert_eq!(ours.verify("1", &text[..end]), None, "{end}");
        }
        assert_eq!(ours.verify("1", &format!("{text}0")), None);
        assert_eq!(ours.verify("1", &text.replacen('d', "a", 1)), None, "another action");
        assert_eq!(ours.verify("1", &format!("ü{text}")), None);
    }

    proptest! {
        #[test]
        fn what_was_signed_is_read_back(
            which in 0..5usize, random: [u8; 16], version: i64, chat in ".{0,12}",
        ) {
            let button = button(Action::ALL[which].0, random, version);
            let signer = signer("r", "t");
            let text = signer.sign(&chat, &button);
            prop_assert_eq!(signer.verify(&chat, &text), Some(button));
        }

        #[test]
        fn nothing_else_is(text in ".{0,80}") {
            prop_assert_eq!(signer("r", "t").verify("1", &text), None);
        }

        #[test]
        fn no_changed_byte_passes(at in 0..48usize, to in "[ -~]") {
            let signer = signer("r", "t");
            let text = signer.sign("1", &button(Action::Approve, [3; 16], 12));
            let mut changed = text.clone();
            prop_assume!(at < text.len() && text[at..=at] != to);
            changed.replace_range(at..=at, &to);
            prop_assert_eq!(signer.verify("1", &changed), None);
        }
    }
}
