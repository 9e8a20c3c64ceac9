//! What a person types: a message for the model, or a word for us that begins with a slash.

use crate::domain::nearest::nearest;
use crate::domain::visible::one_line;

/// Our words, what follows each, and what it does.
pub(super) const COMMANDS: [(&str, &str, &str); 8] = [
    ("/help", "", "tell what can be typed here"),
    ("/tools", "[TOOL]", "list the tools, or tell all about one"),
    ("/pending", "", "list what waits for a person, over all runs"),
    ("/show", "[RUN|CALL]", "tell the whole story of a run, or all that a call would do"),
    ("/resume", "", "go on with the run of this conversation that has not ended"),
    ("/cancel", "", "end that run"),
    ("/reset", "", "begin another conversation"),
    ("/exit", "", "leave; Ctrl-D does as well"),
];

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Typed {
    /// Nothing but blanks.
    Nothing,
    /// For the model.
    Message(String),
    Help,
    Tools(Option<String>),
    Pending,
    Show(Option<String>),
    Resume,
    Cancel,
    Reset,
    Exit,
}

/// Reads what was typed. A message that begins with a slash has two.
///
/// # Errors
/// A sentence, where it is none of our words.
pub(super) fn parse(text: &str) -> Result<Typed, String> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Ok(Typed::Nothing);
    }
    if !trimmed.starts_with('/') {
        return Ok(Typed::Message(text.trim_end().to_owned()));
    }
    if let Some(message) = trimmed.strip_prefix("//") {
        return Ok(Typed::Message(format!("/{message}")));
    }
    let mut words = trimmed.split_whitespace();
    let (word, rest) = (words.next().unwrap_or_default(), words.next());
    let known = COMMANDS.iter().find(|(name, ..)| *name == word);
    let Some((_, takes, _)) = known else {
        let names = COMMANDS.iter().map(|(name, ..)| *name);
        let cure = match nearest(word, names) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "`/help` lists them".to_owned(),
        };
        return Err(format!(
            "there is no command `{}`; {cure}\n  hint: a message that begins with a slash is written with two",
            one_line(word)
        ));
    };
    if let Some(more) = if takes.is_empty() { rest } else { words.next() } {
        return Err(format!("`{word}` does not take `{}`", one_line(more)));
    }
    let rest = rest.map(str::to_owned);
    Ok(match word {
        "/tools" => Typed::Tools(rest),
        "/pending" => Typed::Pending,
        "/show" => Typed::Show(rest),
        "/resume" => Typed::Resume,
        "/cancel" => Typed::Cancel,
        "/reset" => Typed::Reset,
        "/exit" => Typed::Exit,
        _ => Typed::Help,
    })
}

/// The text of `/help`.
pub(super) fn help() -> String {
    let names = COMMANDS.map(|(name, takes, what)| (format!("{name} {takes}"), what));
    let widest = names.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = names.iter().map(|(name, what)| format!("  {name:widest$}  {what}\n"));
    format!(
        "{}A line that ends with a backslash goes on in the next one, and so does a block between two lines \
         of ```.\nCtrl-C stops what goes on.\n",
        lines.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn what_is_typed_is_a_message_or_one_of_our_words() {
        assert_eq!(parse(" \n"), Ok(Typed::Nothing));
        assert_eq!(parse("  delete it \n"), Ok(Typed::Message("  delete it".into())));
        assert_eq!(parse("/tools"), Ok(Typed::Tools(None)));
        assert_eq!(parse(" /show  run_abcd "), Ok(Typed::Show(Some("run_abcd".into()))));
        assert_eq!(
            parse("//etc/passwd, what is it?"),
            Ok(Typed::Message("/etc/passwd, what is it?".into()))
        );
        for (name, ..) in COMMANDS {
            assert!(parse(name).is_ok_and(|typed| !matches!(typed, Typed::Message(_))), "{name}");
        }
    }

    #[test]
    fn what_is_no_word_of_ours_is_told() {
        let said = |text: &str| parse(text).err().unwrap_or_default();
        expect![[r"
            there is no command `/pendng`; did you mean `/pending`?
              hint: a message that begins with a slash is written with two"]]
        .assert_eq(&said("/pendng"));
        expect![[r"
            there is no command `/etc/pass\u{202e}wd`; `/help` lists them
              hint: a message that begins with a slash is written with two"]]
        .assert_eq(&said("/etc/pass\u{202e}wd"));
        expect!["`/reset` does not take `now`"].assert_eq(&said("/reset now"));
        expect!["`/show` does not take `b`"].assert_eq(&said("/show a b"));
    }
}
