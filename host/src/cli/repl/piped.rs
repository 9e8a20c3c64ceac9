//! Messages that come from a pipe or a file: one a line, or several lines where one is not finished.

use super::unfinished::is_unfinished;
use std::io::BufRead;

/// The next message; nothing at the end of the input.
///
/// # Errors
/// A sentence, where the input cannot be read or is no text.
pub(super) async fn read_message() -> Result<Option<String>, String> {
    let read = tokio::task::spawn_blocking(|| message(&mut std::io::stdin().lock()));
    match read.await {
        Ok(Ok(message)) => Ok(message),
        Ok(Err(error)) => Err(format!("standard input cannot be read: {error}")),
        Err(_) => Ok(None),
    }
}

fn message(input: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            // What the end of the input cut short is a message all the same.
            return Ok((!text.is_empty()).then(|| text.trim_end_matches('\n').to_owned()));
        }
        let line = line.strip_suffix('\n').unwrap_or(&line);
        text.push_str(line.strip_suffix('\r').unwrap_or(line));
        if !is_unfinished(&text) {
            return Ok(Some(text));
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_line_or_as_many_as_belong_together() {
        let mut input: &[u8] = b"one\r\n\ntwo\\\nthree\n```\na\nb\n```\nend\\\n";
        let mut messages = Vec::new();
        while let Some(text) = message(&mut input).unwrap() {
            messages.push(text);
        }
        assert_eq!(messages, ["one", "", "two\\\nthree", "```\na\nb\n```", "end\\"]);
        assert!(message(&mut &b"\xff\n"[..]).is_err());
    }
}
