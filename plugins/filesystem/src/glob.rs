//! Patterns over names and paths: `*` and `?` within a name, `**` over folders.

/// One pattern. Letters are compared without their case: `.ENV` is the same file as `.env` on many
/// machines, and leaving out one file too many is the harmless mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    parts: Vec<String>,
    /// Without a `/`: compared with each name of a path rather than with the path.
    anywhere: bool,
}

impl Glob {
    /// A pattern. Every text is one.
    pub fn new(pattern: &str) -> Self {
        let folded = pattern.to_lowercase();
        let trimmed = folded.trim_end_matches('/');
        let anywhere = !trimmed.contains('/');
        let parts = trimmed.split('/').filter(|part| !matches!(*part, "" | "."));
        Self { parts: parts.map(str::to_owned).collect(), anywhere }
    }

    /// Whether a path, or a folder above it, fits.
    pub fn covers(&self, path: &str) -> bool {
        let path = path.to_lowercase();
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        if self.anywhere {
            let Some(pattern) = self.parts.first() else { return false };
            return names.iter().any(|name| fits(pattern, name));
        }
        (1..=names.len()).any(|end| self.path_fits(&names[..end]))
    }

    /// Whether exactly this path fits, or, for a pattern without `/`, its last name.
    pub fn matches(&self, path: &str) -> bool {
        let path = path.to_lowercase();
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        if !self.anywhere {
            return self.path_fits(&names);
        }
        match (self.parts.first(), names.last()) {
            (Some(pattern), Some(name)) => fits(pattern, name),
            _ => false,
        }
    }

    fn path_fits(&self, names: &[&str]) -> bool {
        // Which parts of the pattern may come next, after each name: no backtracking, so no pattern is
        // slow.
        let mut next = vec![false; self.parts.len() + 1];
        next[0] = true;
        self.skip_folders(&mut next);
        for name in names {
            let mut after = vec![false; next.len()];
            for (at, part) in self.parts.iter().enumerate().filter(|(at, _)| next[*at]) {
                if part == "**" {
                    after[at] = true;
                } else if fits(part, name) {
                    after[at + 1] = true;
                }
            }
            self.skip_folders(&mut after);
            next = after;
        }
        next.last() == Some(&true)
    }

    /// `**` also stands for no folder at all.
    fn skip_folders(&self, next: &mut [bool]) {
        for (at, part) in self.parts.iter().enumerate() {
            if next[at] && part == "**" {
                next[at + 1] = true;
            }
        }
    }
}

/// One name against one pattern of `*` and `?`.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where the last `*` was, and what it covered so far.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, covered)) => {
                    star = Some((at, covered + 1));
                    p = at + 1;
                    n = covered + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, covered: &[&str], not: &[&str]) {
        let glob = Glob::new(pattern);
        for path in covered {
            assert!(glob.covers(path), "`{pattern}` covers `{path}`");
        }
        for path in not {
            assert!(!glob.covers(path), "`{pattern}` does not cover `{path}`");
        }
    }

    #[test]
    fn a_name_is_found_at_any_depth_with_all_below_it() {
        check(".git", &[".git", ".git/config", "a/.git/hooks/x", ".GIT"], &["git", ".gitignore"]);
        check("*.pem", &["a.pem", "x/y/a.pem", "a.PEM", ".pem"], &["a.pem.txt", "pem"]);
        check(".env.*", &[".env.local"], &[".env", ".envrc"]);
        check("node_modules/", &["node_modules/x", "a/node_modules"], &["node_module"]);
    }

    #[test]
    fn a_path_is_compared_from_the_root() {
        check("build/*.o", &["build/a.o", "build/a.o/x"], &["a.o", "x/build/a.o", "build/x/a.o"]);
        check("/build/out", &["build/out", "build/out/x"], &["build", "x/build/out"]);
        check("**/gen/*.rs", &["gen/a.rs", "x/y/gen/a.rs"], &["gen/x/a.rs"]);
        check("src/**", &["src/a", "src/a/b", "src"], &["a/src"]);
    }

    #[test]
    fn a_file_pattern_fits_the_file_itself() {
        assert!(Glob::new("*.rs").matches("src/a.rs") && !Glob::new("*.rs").matches("a.rs/x"));
        assert!(Glob::new("src/**/*.rs").matches("src/a/b.rs"));
        assert!(Glob::new("src/**/*.rs").matches("src/b.rs"));
        assert!(!Glob::new("").matches("a") && !Glob::new("/").covers("a"));
    }

    #[test]
    fn no_pattern_is_slow() {
        let name = "a".repeat(2_000);
        assert!(!Glob::new(&format!("{}b", "a*".repeat(500))).covers(&name));
        let deep = "a/".repeat(1_000);
        assert!(!Glob::new(&format!("{}b", "**/".repeat(50))).matches(&deep));
    }
}
