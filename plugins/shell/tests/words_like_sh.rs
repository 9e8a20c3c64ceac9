//! Whatever is read as plain words, `sh` reads as the same words.
#![cfg(unix)]

use initrunner_shell::words::read;
use std::process::Command;

/// What commands are made of here: everything that means something to a shell, and a little text.
const PARTS: [&str; 28] = [
    "a", "b c", " ", "  ", "\t", "'", "'", "\"", "\"", "\\", "\\", "$", "`", "*", "?", "[", "]",
    "~", "#", "{", "}", "=", "!", "%", "é", "-n", "\n", ":",
];

/// Numbers without luck: the same every time (Knuth's MMIX generator).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

#[test]
fn plain_words_are_what_sh_makes_of_them() {
    let mut numbers = Numbers(1);
    let mut commands = Vec::new();
    let mut script = String::new();
    while commands.len() < 5000 {
        let command: String =
            (0..1 + numbers.below(9)).map(|_| PARTS[numbers.below(PARTS.len())]).collect();
        if let Ok(words) = read(&command) {
            // A line break before the first word would end `set` instead of being skipped.
            let text = command.trim_start();
            script.push_str(&format!("set -- {text}\nprintf '<%s>' \"$@\"; echo .\n"));
            commands.push((command, words));
        }
    }
    let output = sh(&script);
    let mut rest = output.as_str();
    for (command, words) in &commands {
        let expected: String =
            words.iter().map(|word| format!("<{word}>")).collect::<String>() + ".\n";
        rest = rest.strip_prefix(&expected).unwrap_or_else(|| {
            let got: String = rest.chars().take(80).collect();
            panic!("{command:?}: {words:?} here, but sh makes of it {got:?}")
        });
    }
    assert_eq!(rest, "");
}

/// Runs a script and gives its standard output.
fn sh(script: &str) -> String {
    let file = std::env::temp_dir().join(format!("words-like-sh-{}", std::process::id()));
    std::fs::write(&file, script).expect("a file");
    let output = Command::new("sh").arg(&file).output().expect("sh");
    std::fs::remove_file(&file).expect("a file");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}
