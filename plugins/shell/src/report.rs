//! What the model reads of a command that ran.

use initrunner_sdk::process::{Ending, Output};
use initrunner_sdk::{Content, Failure};

/// The result of a call: what the command wrote and how it ended. A status other than zero is a result
/// too (`grep` found nothing); only running out of time is a failure.
pub fn report(output: &Output, timeout_seconds: u32, limit: u32) -> Result<Content, Failure> {
    let mut parts = Vec::new();
    let stdout = stream(&output.stdout, output.stdout_truncated, limit);
    let stderr = stream(&output.stderr, output.stderr_truncated, limit);
    if !stdout.is_empty() {
        parts.push(stdout);
    }
    if !stderr.is_empty() {
        parts.push(format!("stderr:\n{stderr}"));
    }
    if parts.is_empty() {
        parts.push("(no output)".to_owned());
    }
    match output.ending {
        Ending::Exited(0) => {}
        Ending::Exited(status) => parts.push(format!("exit code {status}{}", isolated(output))),
        Ending::Signalled(signal) => {
            parts.push(format!("killed by signal {signal}{}", isolated(output)));
        }
        Ending::TimedOut => {
            parts.push(format!(
                "timed out after {timeout_seconds} s: killed with everything it had started"
            ));
            return Err(Failure::Failed(parts.join("\n")));
        }
    }
    Ok(Content::Text(parts.join("\n")))
}

/// What a failure may come from: a command that is refused a file or the network says only that.
fn isolated(output: &Output) -> String {
    match output.isolation.as_str() {
        "none" => String::new(),
        words => format!(" (it ran isolated: {words})"),
    }
}

/// One stream as text, without the line break at its end.
fn stream(bytes: &[u8], truncated: bool, limit: u32) -> String {
    let bytes = if truncated { whole_characters(bytes) } else { bytes };
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_suffix('\n').unwrap_or(&text);
    if truncated { format!("{text}\n[output truncated at {limit} bytes]") } else { text.to_owned() }
}

/// Without the character that was cut in two at the end.
fn whole_characters(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => &bytes[..error.valid_up_to()],
        _ => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(ending: Ending, stdout: &[u8], stderr: &[u8]) -> Output {
        Output {
            ending,
            stdout: stdout.to_vec(),
            stdout_truncated: false,
            stderr: stderr.to_vec(),
            stderr_truncated: false,
            elapsed_ms: 1,
            isolation: "none".to_owned(),
        }
    }

    #[track_caller]
    fn text(output: &Output) -> String {
        match report(output, 30, 10) {
            Ok(Content::Text(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn output_comes_first_and_the_ending_last() {
        assert_eq!(text(&output(Ending::Exited(0), b"a\nb\n", b"")), "a\nb");
        assert_eq!(text(&output(Ending::Exited(0), b"", b"")), "(no output)");
        assert_eq!(text(&output(Ending::Exited(1), b"", b"")), "(no output)\nexit code 1");
        assert_eq!(
            text(&output(Ending::Exited(2), b"out\n", b"err\n")),
            "out\nstderr:\nerr\nexit code 2"
        );
        let isolated = Output {
            isolation: "landlock-7 no-network".to_owned(),
            ..output(Ending::Exited(6), b"", b"")
        };
        assert_eq!(
            text(&isolated),
            "(no output)\nexit code 6 (it ran isolated: landlock-7 no-network)"
        );
        assert_eq!(text(&Output { ending: Ending::Exited(0), ..isolated }), "(no output)");
        assert_eq!(
            text(&output(Ending::Signalled(9), b"", b"e")),
            "stderr:\ne\nkilled by signal 9"
        );
    }

    #[test]
    fn running_out_of_time_is_a_failure_that_shows_what_there_was() {
        let Err(Failure::Failed(text)) = report(&output(Ending::TimedOut, b"a\n", b""), 30, 10)
        else {
            panic!("a timeout is a failure");
        };
        assert_eq!(text, "a\ntimed out after 30 s: killed with everything it had started");
    }

    #[test]
    fn cut_and_invalid_text_is_marked() {
        let mut cut = output(Ending::Exited(0), "abcdefgh\u{20ac}".as_bytes(), b"x\xffy");
        cut.stdout.truncate(10);
        cut.stdout_truncated = true;
        assert_eq!(text(&cut), "abcdefgh\n[output truncated at 10 bytes]\nstderr:\nx\u{fffd}y");
    }
}
