//! One command as a program and its arguments, read the way a shell would read it, or the reason why
//! only a shell can.
//!
//! Nothing is ever expanded here. What a shell would expand is refused rather than passed on as it
//! stands: `rm *.tmp` must not look for a file called `*.tmp`. Quoting follows POSIX (XCU 2.2).

use std::fmt;

/// Why a text is not one program with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// There is nothing in it.
    Empty,
    /// A quote that is not closed.
    Unbalanced(char),
    /// It ends in a backslash with nothing to quote.
    Backslash,
    /// Only a shell can run it.
    Shell(Feature),
}

/// What only a shell does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feature {
    /// Joining commands or redirecting them: the operator.
    Operator(String),
    /// Several lines.
    Lines,
    /// `$…`.
    Variable,
    /// `$(…)` or backticks.
    Substitution,
    /// `*`, `?` or `[`.
    Pattern(char),
    /// `~` at the start of a word.
    Home,
    /// `#` at the start of a word.
    Comment,
    /// `NAME=value` before the program.
    Assignment(String),
    /// A word of the shell's own: `if`, `cd`.
    Word(String),
}

impl Feature {
    /// Whether quoting would turn it into plain text.
    pub fn can_be_quoted(&self) -> bool {
        !matches!(self, Feature::Lines | Feature::Assignment(_) | Feature::Word(_))
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Feature::Operator(operator) => write!(f, "`{operator}`"),
            Feature::Lines => f.write_str("a line break"),
            Feature::Variable => f.write_str("`$`"),
            Feature::Substitution => f.write_str("a command substitution"),
            Feature::Pattern(pattern) => write!(f, "the pattern character `{pattern}`"),
            Feature::Home => f.write_str("`~`"),
            Feature::Comment => f.write_str("a comment (`#`)"),
            Feature::Assignment(name) => write!(f, "the assignment of `{name}`"),
            Feature::Word(word) => write!(f, "`{word}`"),
        }
    }
}

/// Words that mean something to a shell and are no programs: reserved words, and the built-in commands
/// that exist nowhere else (XCU 2.4 and 2.14, and the commonest of bash).
const SHELL_WORDS: [&str; 52] = [
    "!", "{", "}", "[[", "case", "do", "done", "elif", "else", "esac", "fi", "for", "function",
    "if", "in", "select", "then", "until", "while", ".", ":", "alias", "bg", "break", "cd",
    "command", "continue", "declare", "eval", "exec", "exit", "export", "fg", "getopts", "hash",
    "jobs", "local", "popd", "pushd", "read", "readonly", "return", "set", "shift", "source",
    "times", "trap", "ulimit", "umask", "unalias", "unset", "wait",
];

/// What separates words and lines. Others, such as the no-break space, are part of a word.
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// Reads a command as words: the program first, at least one.
///
/// # Errors
/// It is broken, or needs a shell.
pub fn read(command: &str) -> Result<Vec<String>, Unread> {
    let mut reader = Reader { rest: command.chars().collect(), at: 0 };
    let mut words = Vec::new();
    // Empty lines before a command, like those after it, change nothing.
    while reader.peek().is_some_and(|it| BLANKS.contains(&it)) {
        reader.at += 1;
    }
    while let Some(word) = reader.word()? {
        if words.is_empty() {
            word.starts_a_command()?;
        }
        words.push(word.text);
    }
    if words.is_empty() { Err(Unread::Empty) } else { Ok(words) }
}

/// Whether `text` begins with `NAME=`, and the name.
pub(crate) fn assigned(text: &str) -> Option<&str> {
    let (name, _) = text.split_once('=')?;
    let mut characters = name.chars();
    let first = characters.next()?;
    ((first.is_ascii_alphabetic() || first == '_')
        && characters.all(|it| it.is_ascii_alphanumeric() || it == '_'))
    .then_some(name)
}

/// Whether `$` and this character after it are an expansion; otherwise `$` is just itself.
pub(crate) fn expands(next: Option<char>) -> bool {
    next.is_some_and(|it| it.is_ascii_alphanumeric() || "_{(@*#?$!-".contains(it))
}

struct Word {
    text: String,
    /// Whether any of it was quoted: then it is no word of the shell's own.
    quoted: bool,
}

impl Word {
    fn starts_a_command(&self) -> Result<(), Unread> {
        if !self.quoted && SHELL_WORDS.contains(&self.text.as_str()) {
            return Err(Unread::Shell(Feature::Word(self.text.clone())));
        }
        if !self.quoted
            && let Some(name) = assigned(&self.text)
        {
            return Err(Unread::Shell(Feature::Assignment(name.to_owned())));
        }
        Ok(())
    }
}

struct Reader {
    rest: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += 1;
        next
    }

    /// Whether only blanks follow.
    fn is_at_end(&self) -> bool {
        self.rest[self.at..].iter().all(|it| BLANKS.contains(it))
    }

    /// The next word, none at the end.
    fn word(&mut self) -> Result<Option<Word>, Unread> {
        let shell = |feature| Err(Unread::Shell(feature));
        let mut word = Word { text: String::new(), quoted: false };
        let mut started = false;
        while let Some(character) = self.peek() {
            match character {
                ' ' | '\t' if started => break,
                ' ' | '\t' => {
                    self.at += 1;
                    continue;
                }
                '\n' | '\r' if self.is_at_end() => {
                    self.at = self.rest.len();
                    break;
                }
                '\n' | '\r' => return shell(Feature::Lines),
                '\'' => self.single(&mut word)?,
                '"' => self.double(&mut word)?,
                '\\' => {
                    self.at += 1;
                    match self.next() {
                        None => return Err(Unread::Backslash),
                        // A line continued: as if neither were there.
                        Some('\n') => continue,
                        Some(character) => word.text.push(character),
                    }
                    word.quoted = true;
                }
                '`' => return shell(Feature::Substitution),
                '$' => self.dollar(&mut word, "'\"")?,
                '|' | '&' | ';' | '<' | '>' | '(' | ')' => {
                    return shell(Feature::Operator(self.operator()));
                }
                '*' | '?' | '[' => return shell(Feature::Pattern(character)),
                '~' if !started => return shell(Feature::Home),
                '#' if !started => return shell(Feature::Comment),
                _ => {
                    self.at += 1;
                    word.text.push(character);
                }
            }
            started = true;
        }
        Ok(started.then_some(word))
    }

    fn single(&mut self, word: &mut Word) -> Result<(), Unread> {
        self.at += 1;
        word.quoted = true;
        loop {
            match self.next() {
                None => return Err(Unread::Unbalanced('\'')),
                Some('\'') => return Ok(()),
                Some(character) => word.text.push(character),
            }
        }
    }

    fn double(&mut self, word: &mut Word) -> Result<(), Unread> {
        self.at += 1;
        word.quoted = true;
        loop {
            match self.peek() {
                None => return Err(Unread::Unbalanced('"')),
                Some('"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some('`') => return Err(Unread::Shell(Feature::Substitution)),
                Some('$') => self.dollar(word, "")?,
                Some('\\') => {
                    self.at += 1;
                    match self.next() {
                        None => return Err(Unread::Unbalanced('"')),
                        Some('\n') => {}
                        Some(character @ ('$' | '`' | '"' | '\\')) => word.text.push(character),
                        Some(character) => word.text.extend(['\\', character]),
                    }
                }
                Some(character) => {
                    self.at += 1;
                    word.text.push(character);
                }
            }
        }
    }

    /// A `$`: itself, or something to expand. `also` are further characters that make it the latter
    /// (`$'…'` and `$"…"` mean something to some shells).
    fn dollar(&mut self, word: &mut Word, also: &str) -> Result<(), Unread> {
        self.at += 1;
        // A line continued right after it: as if neither were there.
        while self.rest[self.at..].starts_with(&['\\', '\n']) {
            self.at += 2;
        }
        match self.peek() {
            Some('(') => Err(Unread::Shell(Feature::Substitution)),
            next if expands(next) || next.is_some_and(|it| also.contains(it)) => {
                Err(Unread::Shell(Feature::Variable))
            }
            _ => {
                word.text.push('$');
                Ok(())
            }
        }
    }

    /// The operator here, to be named: `&&` rather than `&`.
    fn operator(&self) -> String {
        let first = self.peek().into_iter();
        let again = self.rest.get(self.at + 1).filter(|&&it| Some(it) == self.peek()).copied();
        first.chain(again).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn words(command: &str, expected: &[&str]) {
        assert_eq!(read(command).expect(command), expected, "{command}");
    }

    #[track_caller]
    fn needs(command: &str, feature: &str) {
        match read(command) {
            Err(Unread::Shell(found)) => assert_eq!(found.to_string(), feature, "{command}"),
            other => panic!("{command}: {other:?}"),
        }
    }

    #[test]
    fn words_are_separated_by_blanks() {
        words("ls", &["ls"]);
        words("  ls\t -l   a ", &["ls", "-l", "a"]);
        words("\n ls \r\n\n", &["ls"]);
        words("ls a\\ ", &["ls", "a "]);
        words("ls\u{a0}-l", &["ls\u{a0}-l"]);
        words("git commit -m x=y", &["git", "commit", "-m", "x=y"]);
    }

    #[test]
    fn quotes_keep_a_word_together() {
        words("echo 'a  b' \"c  d\" e\\ f", &["echo", "a  b", "c  d", "e f"]);
        words("echo a'b'\"c\"d", &["echo", "abcd"]);
        words("echo '' \"\"", &["echo", "", ""]);
        words("echo 'a\nb'", &["echo", "a\nb"]);
        words(r#"echo "a\"b\\c\$d\`e\n" 'x\'"#, &["echo", r#"a"b\c$d`e\n"#, r"x\"]);
        words(
            r"find . -name '*.tmp' -exec rm {} \;",
            &["find", ".", "-name", "*.tmp", "-exec", "rm", "{}", ";"],
        );
        words("echo a\\\nb \\\n c", &["echo", "ab", "c"]);
    }

    #[test]
    fn quoted_specials_are_plain_text() {
        words(
            r#"grep "a|b;c&d" '$HOME' \* \~ "*?[" '#' \$x"#,
            &["grep", "a|b;c&d", "$HOME", "*", "~", "*?[", "#", "$x"],
        );
        words(
            "echo a~b a#b a= 50% {x,y} ^ -",
            &["echo", "a~b", "a#b", "a=", "50%", "{x,y}", "^", "-"],
        );
    }

    #[test]
    fn a_dollar_before_nothing_is_a_dollar() {
        words("grep foo$ file", &["grep", "foo$", "file"]);
        words(r#"grep "foo$" file"#, &["grep", "foo$", "file"]);
    }

    #[test]
    fn what_only_a_shell_does_is_named() {
        needs("a | b", "`|`");
        needs("a || b", "`||`");
        needs("a && b", "`&&`");
        needs("a & b", "`&`");
        needs("a;b", "`;`");
        needs("a > b", "`>`");
        needs("a >> b", "`>>`");
        needs("a 2>&1", "`>`");
        needs("a < b", "`<`");
        needs("a <<X", "`<<`");
        needs("(a)", "`(`");
        needs("a\nb", "a line break");
        needs("a $B", "`$`");
        needs("a \"$B\"", "`$`");
        needs("a ${B}", "`$`");
        needs("a $?", "`$`");
        needs("a $\\\n\\\nB", "`$`");
        needs("a $'b'", "`$`");
        needs("a $(b)", "a command substitution");
        needs("a \"$(b)\"", "a command substitution");
        needs("a `b`", "a command substitution");
        needs("a \"`b`\"", "a command substitution");
        needs("ls *.rs", "the pattern character `*`");
        needs("ls a?", "the pattern character `?`");
        needs("ls [ab]", "the pattern character `[`");
        needs("ls ~/x", "`~`");
        needs("ls # all", "a comment (`#`)");
        needs("A=b c", "the assignment of `A`");
        needs("cd x", "`cd`");
        needs("if x", "`if`");
    }

    #[test]
    fn words_of_the_shell_are_plain_elsewhere() {
        words("which cd if", &["which", "cd", "if"]);
        words("'cd' x", &["cd", "x"]);
        words("1A=b", &["1A=b"]);
    }

    #[test]
    fn broken_commands_are_refused() {
        assert_eq!(read(""), Err(Unread::Empty));
        assert_eq!(read(" \n\t "), Err(Unread::Empty));
        assert_eq!(read("echo 'a"), Err(Unread::Unbalanced('\'')));
        assert_eq!(read("echo \"a"), Err(Unread::Unbalanced('"')));
        assert_eq!(read("echo \"a\\"), Err(Unread::Unbalanced('"')));
        assert_eq!(read("echo a\\"), Err(Unread::Backslash));
    }
}
