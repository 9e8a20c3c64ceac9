//! Finding the commands in a script, for `allowed_commands` and `blocked_commands`.
//!
//! This is a help, not a boundary. A shell can compute a command's name (`$x`, `eval`), and programs
//! start other programs (`python -c`, `make`): what cannot be known is reported as such, and the caller
//! decides. The boundary is what the role grants and what the host's isolation allows. In doubt a word
//! counts as a command.
//!
//! The grammar is POSIX (XCU 2.2 to 2.10), loosely: enough to know where commands begin.

use crate::words::{assigned, expands};

/// The commands of a script.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Commands {
    /// Words that are commands, unquoted.
    pub sure: Vec<String>,
    /// Words that may be: whatever follows `sudo`, `env`, `xargs`.
    pub perhaps: Vec<String>,
    /// Commands that the script computes, as written.
    pub unknown: Vec<String>,
}

/// Why a script could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// A quote, or what it stands for, that is not closed.
    Unbalanced(&'static str),
    /// Scripts inside scripts beyond [`DEPTH`].
    TooDeep,
}

/// How deep scripts may contain scripts: far beyond what anybody writes, and safe for the stack.
const DEPTH: usize = 20;

/// Programs that run the command in their arguments.
const WRAPPERS: [&str; 26] = [
    "builtin", "busybox", "chroot", "chrt", "command", "doas", "env", "exec", "flock", "ionice",
    "nice", "nohup", "nsenter", "parallel", "setpriv", "setsid", "stdbuf", "strace", "su", "sudo",
    "taskset", "time", "timeout", "unshare", "watch", "xargs",
];

/// Programs that run the script after `-c`.
const SHELLS: [&str; 7] = ["ash", "bash", "dash", "fish", "ksh", "sh", "zsh"];

/// Reserved words before a command.
const BEFORE_COMMANDS: [&str; 9] = ["!", "{", "do", "elif", "else", "if", "then", "until", "while"];

/// Reserved words after which comes no command, but redirections or an operator.
const ENDS: [&str; 4] = ["}", "done", "esac", "fi"];

/// Reserved words followed by words that are no commands.
const LISTS: [&str; 4] = ["case", "for", "function", "select"];

/// Finds the commands of a script.
///
/// # Errors
/// Its quotes do not balance.
pub fn scan(script: &str) -> Result<Commands, Unreadable> {
    let mut found = Commands::default();
    Scanner::new(script, 0, &mut found)?.list(None)?;
    Ok(found)
}

/// Finds the commands of one program with its arguments: itself, and those it is a wrapper for.
///
/// # Errors
/// It holds a script that cannot be read.
pub fn scan_words(words: &[String]) -> Result<Commands, Unreadable> {
    let mut found = Commands::default();
    let words: Vec<_> =
        words.iter().map(|text| Word { text: text.clone(), ..Word::default() }).collect();
    Scanner::new("", 0, &mut found)?.program(&words)?;
    Ok(found)
}

/// The last part of a path.
pub fn base_name(word: &str) -> &str {
    word.rsplit_once('/').map_or(word, |(_, name)| name)
}

#[derive(Debug, Default, Clone)]
struct Word {
    text: String,
    /// Whether the shell computes some of it.
    computed: bool,
    /// Whether some of it is quoted: then it is no reserved word.
    quoted: bool,
}

struct Scanner<'a> {
    script: Vec<char>,
    at: usize,
    depth: usize,
    found: &'a mut Commands,
    /// Here-documents announced on this line: the delimiter, and whether their text is expanded.
    documents: Vec<(String, bool)>,
}

impl<'a> Scanner<'a> {
    fn new(script: &str, depth: usize, found: &'a mut Commands) -> Result<Self, Unreadable> {
        if depth > DEPTH {
            return Err(Unreadable::TooDeep);
        }
        Ok(Self { script: script.chars().collect(), at: 0, depth, found, documents: Vec::new() })
    }

    fn peek(&self) -> Option<char> {
        self.script.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += 1;
        next
    }

    fn eat(&mut self, character: char) -> bool {
        let there = self.peek() == Some(character);
        self.at += usize::from(there);
        there
    }

    /// Scans a script that stands inside this one as text.
    fn inner(&mut self, script: &str) -> Result<(), Unreadable> {
        Scanner::new(script, self.depth + 1, self.found)?.list(None)
    }

    /// Scans commands up to `end`, or to the end of the text.
    fn list(&mut self, end: Option<char>) -> Result<(), Unreadable> {
        let mut command = Vec::new();
        let mut redirected = false;
        let mut parentheses = 0_usize;
        loop {
            let here = self.peek();
            if here.is_none() || (here == end && parentheses == 0) {
                self.at += 1;
                self.command(std::mem::take(&mut command))?;
                return match (here, end) {
                    (None, Some(_)) => Err(Unreadable::Unbalanced("$(")),
                    _ => Ok(()),
                };
            }
            match here.unwrap_or_default() {
                ' ' | '\t' | '\r' => self.at += 1,
                '\n' => {
                    self.at += 1;
                    self.command(std::mem::take(&mut command))?;
                    redirected = false;
                    self.here_documents()?;
                }
                '#' => {
                    while self.peek().is_some_and(|it| it != '\n') {
                        self.at += 1;
                    }
                }
                operator @ (';' | '&' | '|' | '(' | ')') => {
                    self.at += 1;
                    match operator {
                        '(' => parentheses += 1,
                        ')' => parentheses = parentheses.saturating_sub(1),
                        _ => {}
                    }
                    self.command(std::mem::take(&mut command))?;
                    redirected = false;
                }
                '<' | '>' => redirected = self.redirection()?,
                // A line continued: as if neither were there.
                '\\' if self.script.get(self.at + 1) == Some(&'\n') => self.at += 2,
                _ => {
                    let word = self.word()?;
                    // `2>file`: the number belongs to the redirection.
                    let number = matches!(self.peek(), Some('<' | '>'))
                        && word.text.chars().all(|it| it.is_ascii_digit());
                    if !std::mem::take(&mut redirected) && !number {
                        command.push(word);
                    }
                }
            }
        }
    }

    /// Reads a redirection's operator. Whether its target is the next word.
    fn redirection(&mut self) -> Result<bool, Unreadable> {
        let first = self.next();
        if first == Some('<') && self.eat('<') {
            if self.eat('<') {
                return Ok(true);
            }
            self.eat('-');
            while matches!(self.peek(), Some(' ' | '\t')) {
                self.at += 1;
            }
            let delimiter = self.word()?;
            self.documents.push((delimiter.text, !delimiter.quoted));
            return Ok(false);
        }
        while matches!(self.peek(), Some('<' | '>' | '&' | '|')) {
            self.at += 1;
        }
        // `<(…)` is a list of its own.
        Ok(self.peek() != Some('('))
    }

    /// Reads the here-documents that begin on this line: their text is no command, but may hold some.
    fn here_documents(&mut self) -> Result<(), Unreadable> {
        for (delimiter, expanded) in std::mem::take(&mut self.documents) {
            let mut text = String::new();
            while self.peek().is_some() {
                let line: String =
                    self.script[self.at..].iter().take_while(|&&it| it != '\n').collect();
                self.at += line.chars().count() + 1;
                if line.trim_start_matches('\t') == delimiter {
                    break;
                }
                text.push_str(&line);
                text.push('\n');
            }
            if expanded {
                let mut body = Scanner::new(&text, self.depth + 1, self.found)?;
                let mut word = Word::default();
                while let Some(character) = body.next() {
                    body.expansion(character, &mut word)?;
                }
            }
        }
        Ok(())
    }

    /// Reads a word, and scans what it runs.
    fn word(&mut self) -> Result<Word, Unreadable> {
        let mut word = Word::default();
        while let Some(character) = self.peek() {
            if " \t\r\n;&|()<>".contains(character) {
                break;
            }
            self.at += 1;
            self.skip_continued(character);
            match character {
                '\'' => {
                    word.quoted = true;
                    loop {
                        match self.next() {
                            None => return Err(Unreadable::Unbalanced("'")),
                            Some('\'') => break,
                            Some(character) => word.text.push(character),
                        }
                    }
                }
                '"' => {
                    word.quoted = true;
                    loop {
                        match self.next() {
                            None => return Err(Unreadable::Unbalanced("\"")),
                            Some('"') => break,
                            Some(character) => self.expansion(character, &mut word)?,
                        }
                    }
                }
                '\\' => match self.next() {
                    None | Some('\n') => {}
                    Some(character) => {
                        word.quoted = true;
                        word.text.push(character);
                    }
                },
                // `$'…'` and `$"…"`: the quotes are read next, what they mean depends on the shell.
                '$' if matches!(self.peek(), Some('\'' | '"')) => word.computed = true,
                '*' | '?' | '[' => {
                    // The name of a file that is there.
                    word.computed |= character != '[' || self.peek().is_some_and(|it| it != ' ');
                    word.text.push(character);
                }
                _ => self.expansion(character, &mut word)?,
            }
        }
        Ok(word)
    }

    /// A line continued right after a `$`: as if neither were there.
    fn skip_continued(&mut self, read: char) {
        while read == '$'
            && self.script.get(self.at..).is_some_and(|it| it.starts_with(&['\\', '\n']))
        {
            self.at += 2;
        }
    }

    /// One character that was read where quotes mean nothing: a backslash, an expansion, or itself.
    fn expansion(&mut self, character: char, word: &mut Word) -> Result<(), Unreadable> {
        self.skip_continued(character);
        match character {
            '\\' => match self.next() {
                None | Some('\n') => {}
                Some(quoted @ ('$' | '`' | '"' | '\\')) => word.text.push(quoted),
                Some(other) => word.text.extend(['\\', other]),
            },
            '`' => {
                word.computed = true;
                let mut script = String::new();
                loop {
                    match self.next() {
                        None => return Err(Unreadable::Unbalanced("`")),
                        Some('`') => break,
                        Some('\\') => match self.next() {
                            Some(quoted @ ('`' | '\\' | '$')) => script.push(quoted),
                            other => script.extend(['\\'].into_iter().chain(other)),
                        },
                        Some(character) => script.push(character),
                    }
                }
                word.text.push_str("`…`");
                self.inner(&script)?;
            }
            '$' if expands(self.peek()) => {
                word.computed = true;
                word.text.push('$');
                match self.peek() {
                    Some('(') => {
                        self.at += 1;
                        word.text.push_str("(…)");
                        if self.eat('(') {
                            self.enclosed('(', ')', 2, "$((")?;
                        } else {
                            self.nested()?;
                        }
                    }
                    Some('{') => {
                        self.at += 1;
                        word.text.push_str("{…}");
                        self.enclosed('{', '}', 1, "${")?;
                    }
                    _ => {}
                }
            }
            _ => word.text.push(character),
        }
        Ok(())
    }

    /// The list in `$(…)`, which may be closed by nothing but its own `)`.
    fn nested(&mut self) -> Result<(), Unreadable> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Unreadable::TooDeep);
        }
        let documents = std::mem::take(&mut self.documents);
        self.list(Some(')'))?;
        self.documents = documents;
        self.depth -= 1;
        Ok(())
    }

    /// The inside of `${…}` or `$((…))`: text with expansions.
    fn enclosed(
        &mut self,
        open: char,
        close: char,
        mut level: usize,
        name: &'static str,
    ) -> Result<(), Unreadable> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Unreadable::TooDeep);
        }
        let mut text = Word::default();
        while level > 0 {
            match self.next() {
                None => return Err(Unreadable::Unbalanced(name)),
                Some(character) if character == open => level += 1,
                Some(character) if character == close => level -= 1,
                Some(character) => self.expansion(character, &mut text)?,
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Notes the command that these words are.
    fn command(&mut self, words: Vec<Word>) -> Result<(), Unreadable> {
        let mut words = words.into_iter().peekable();
        while let Some(word) = words.peek() {
            let reserved = |list: &[&str]| !word.quoted && list.contains(&word.text.as_str());
            if reserved(&LISTS) {
                return Ok(());
            }
            let assignment = assigned(&word.text).is_some();
            if !(assignment || reserved(&BEFORE_COMMANDS) || reserved(&ENDS)) {
                break;
            }
            words.next();
        }
        self.program(&words.collect::<Vec<_>>())
    }

    /// Notes a program, and the ones it runs by its arguments.
    fn program(&mut self, mut words: &[Word]) -> Result<(), Unreadable> {
        let mut wrapped = false;
        while let Some((program, arguments)) = words.split_first() {
            let name = base_name(&program.text);
            let wraps = program.computed || WRAPPERS.contains(&name);
            if wraps && !wrapped {
                wrapped = true;
                self.found.perhaps.extend(arguments.iter().map(|word| word.text.clone()));
            }
            if program.computed {
                self.unknown(&program.text);
                return Ok(());
            }
            self.found.sure.push(program.text.clone());
            if !wraps {
                return self.arguments(name, arguments);
            }
            // The first word that looks like none of the wrapper's own.
            let is_own = |word: &&Word| {
                word.text.starts_with('-')
                    || assigned(&word.text).is_some()
                    || word.text.chars().all(|it| it.is_ascii_digit() || it == '.')
            };
            words = &arguments[arguments.iter().take_while(is_own).count()..];
        }
        Ok(())
    }

    /// Scans what a program is told to run.
    fn arguments(&mut self, program: &str, arguments: &[Word]) -> Result<(), Unreadable> {
        if SHELLS.contains(&program) {
            // `-c`, also among others: `-lc`.
            let is_script = |word: &Word| word.text.starts_with('-') && word.text.contains('c');
            if let Some(option) = arguments.iter().position(is_script)
                && let Some(script) = arguments.get(option + 1)
            {
                return self.script(script);
            }
        } else if program == "eval" {
            let text: Vec<_> = arguments.iter().map(|word| word.text.as_str()).collect();
            let computed = arguments.iter().any(|word| word.computed);
            return self.script(&Word { text: text.join(" "), computed, quoted: true });
        } else if program == "find" {
            let runs = ["-exec", "-execdir", "-ok", "-okdir"];
            for pair in arguments.windows(2) {
                if runs.contains(&pair[0].text.as_str()) {
                    self.program(&pair[1..])?;
                }
            }
        }
        Ok(())
    }

    fn unknown(&mut self, text: &str) {
        if !self.found.unknown.iter().any(|known| known == text) {
            self.found.unknown.push(text.to_owned());
        }
    }

    /// Scans the script that a word holds.
    fn script(&mut self, word: &Word) -> Result<(), Unreadable> {
        if word.computed {
            self.unknown(&word.text);
        }
        self.inner(&word.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn sure(script: &str, expected: &[&str]) {
        let found = scan(script).expect(script);
        assert_eq!(found.sure, expected, "{script}");
        assert_eq!(found.unknown, [""; 0], "{script}");
    }

    #[track_caller]
    fn unknown(script: &str, expected: &[&str]) {
        assert_eq!(scan(script).expect(script).unknown, expected, "{script}");
    }

    #[track_caller]
    fn runs_rm(script: &str) {
        let found = scan(script).expect(script);
        let mut all = found.sure.iter().chain(&found.perhaps);
        assert!(all.any(|word| base_name(word) == "rm"), "{script}: {found:?}");
    }

    #[test]
    fn every_command_of_a_list_is_found() {
        sure("a", &["a"]);
        sure("a x | b y && c; d & e || f\ng", &["a", "b", "c", "d", "e", "f", "g"]);
        sure("(a; b) | { c; d; }", &["a", "b", "c", "d"]);
        sure("! a", &["a"]);
        sure("A=1 B=2 a C=3; D=4", &["a"]);
        sure("a |\\\n \\\n b; \\\nc\\\nd", &["a", "b", "cd"]);
    }

    #[test]
    fn quotes_hide_nothing_and_make_no_commands() {
        sure(r#"r\m x; 'r'm; "rm""#, &["rm", "rm", "rm"]);
        sure(r#"echo 'a; b' "c | d" e\;f"#, &["echo"]);
        sure("echo a # b; c\nd", &["echo", "d"]);
        sure("echo a#b; c", &["echo", "c"]);
    }

    #[test]
    fn redirections_are_no_commands() {
        sure("a > b 2>&1 < c >> d; e >| f", &["a", "e"]);
        sure("> a b", &["b"]);
        sure("a <<X\nrm b\nX\nc", &["a", "c"]);
        sure("a <<-'X'\n$(rm)\n\tX\nc", &["a", "c"]);
        sure("a <<< b; c", &["a", "c"]);
        sure("diff <(a) >(b)", &["diff", "a", "b"]);
    }

    #[test]
    fn substitutions_are_scanned() {
        sure("echo $(a) `b` \"$(c \"$(d)\")\" \"`e`\"", &["a", "b", "d", "c", "e", "echo"]);
        sure("echo ${x:-$(a)} $((1 + $(b)))", &["a", "b", "echo"]);
        sure("echo $((1 + (2 * 3))) $x ${y} $?", &["echo"]);
        sure("a <<X\n$(b) `c`\nX", &["a", "b", "c"]);
        sure("x=$(a) b", &["a", "b"]);
        sure("echo \"$( (a); b)\"", &["a", "b", "echo"]);
    }

    #[test]
    fn compound_commands_are_scanned() {
        sure("if a; then b; elif c; then d; else e; fi; f", &["a", "b", "c", "d", "e", "f"]);
        sure("for x in rm mv; do a $x; done | b", &["a", "b"]);
        sure("while a; do b; done > c; until d; do e; done", &["a", "b", "d", "e"]);
        sure("case x in y) a;; esac", &["a"]);
    }

    #[test]
    fn wrapped_commands_are_found() {
        sure("sudo rm x", &["sudo", "rm"]);
        sure("env A=1 -i nice -n 5 timeout 3 rm", &["env", "nice", "timeout", "rm"]);
        sure("a | xargs -0 rm", &["a", "xargs", "rm"]);
        sure(r"find . -name x -exec rm {} \;", &["find", "rm"]);
        sure("sh -c 'a | rm'", &["sh", "a", "rm"]);
        sure("bash -lc \"eval 'rm x'\"", &["bash", "eval", "rm"]);
        runs_rm("sudo -u root rm x");
        runs_rm("xargs -I X /bin/rm X");
        runs_rm("$SUDO rm x");
        runs_rm("echo \"$(sudo /usr/bin/rm)\"");
    }

    #[test]
    fn computed_commands_are_unknown() {
        unknown("$x a", &["$x"]);
        unknown("a; \"$x\"", &["$x"]);
        unknown("$(a) b", &["$(…)"]);
        unknown("`a` b", &["`…`"]);
        unknown("${x}y z", &["${…}y"]);
        unknown("eval $x", &["$x"]);
        unknown("sh -c \"$x\"", &["$x"]);
        unknown("/bin/r? x", &["/bin/r?"]);
        unknown("$'rm' x", &["rm"]);
        unknown("env $x", &["$x"]);
        unknown("$\\\nx", &["$x"]);
    }

    #[test]
    fn broken_scripts_are_refused() {
        assert_eq!(scan("echo 'a"), Err(Unreadable::Unbalanced("'")));
        assert_eq!(scan("echo \"a"), Err(Unreadable::Unbalanced("\"")));
        assert_eq!(scan("echo `a"), Err(Unreadable::Unbalanced("`")));
        assert_eq!(scan("echo $(a"), Err(Unreadable::Unbalanced("$(")));
        assert_eq!(scan("echo ${a"), Err(Unreadable::Unbalanced("${")));
        assert_eq!(scan(&"$(".repeat(10_000)), Err(Unreadable::TooDeep));
        assert_eq!(scan(&"${".repeat(10_000)), Err(Unreadable::TooDeep));
        assert_eq!(scan(&"env ".repeat(100_000)).map(|_| ()), Ok(()));
    }

    #[test]
    fn no_text_makes_it_panic() {
        let parts = [
            "$", "(", ")", "{", "}", "`", "'", "\"", "\\", "<", ">", "\n", "#", " ", "a", "é",
            "-c", "sh", ";",
        ];
        // Every sequence of five parts, in a fixed order: 19^5 is too many, so each seventh.
        for number in (0..parts.len().pow(5)).step_by(7) {
            let mut rest = number;
            let mut script = String::new();
            for _ in 0..5 {
                script.push_str(parts[rest % parts.len()]);
                rest /= parts.len();
            }
            let _ = scan(&script);
            let _ = crate::words::read(&script);
        }
    }
}
