//! How many rows an `UPDATE` or a `DELETE` would reach: the same table and condition as a `SELECT`. Only
//! where the text leaves no doubt that it is the same and that asking twice gives the same answer;
//! otherwise a person decides without the number.

use initrunner_sdk::sql::{Parameters, Statement};

/// Functions whose answer depends on their arguments alone. Any other call in a condition: no number.
const STEADY: [&str; 24] = [
    "abs",
    "avg",
    "coalesce",
    "count",
    "hex",
    "ifnull",
    "iif",
    "instr",
    "length",
    "lower",
    "ltrim",
    "max",
    "min",
    "nullif",
    "replace",
    "round",
    "rtrim",
    "substr",
    "substring",
    "sum",
    "trim",
    "typeof",
    "unicode",
    "upper",
];

/// Words before a `(` that is no call.
const WORDS: [&str; 14] = [
    "all", "and", "as", "between", "by", "distinct", "exists", "from", "in", "like", "not", "or",
    "select", "where",
];

/// Words that make a condition depend on something else, or that begin a part which changes what is
/// reached.
const STOP: [&str; 8] = [
    "current_date",
    "current_time",
    "current_timestamp",
    "indexed",
    "limit",
    "order",
    "returning",
    "with",
];

/// The statement that counts what another one reaches.
pub fn count(statement: &Statement) -> Option<Statement> {
    let sql = statement.sql.as_str();
    let mut tokens = tokens(sql)?;
    if tokens.last().is_some_and(|last| last.text == ";") {
        tokens.pop();
    }
    if tokens.iter().any(|token| token.text == ";" || token.is_any(&STOP)) {
        return None;
    }
    let at_top = |word: &str, from: usize| {
        (from..tokens.len()).find(|&index| tokens[index].depth == 0 && tokens[index].is(word))
    };
    let condition = at_top("where", 1);
    let end = condition.unwrap_or(tokens.len());
    let (table, before) = if tokens.first()?.is("delete") && tokens.get(1)?.is("from") {
        (2..end, 0..0)
    } else if tokens.first()?.is("update") {
        let set = at_top("set", 1)?;
        if at_top("from", set).is_some_and(|from| from < end) {
            return None;
        }
        (1..set, set..end)
    } else {
        return None;
    };
    // A table, perhaps with its schema, and nothing that is more than a name.
    let named = &tokens[table];
    let is_table = match named {
        [name] => name.is_name(),
        [schema, dot, name] => schema.is_name() && dot.text == "." && name.is_name(),
        _ => false,
    };
    if !is_table {
        return None;
    }
    let reached = &tokens[end..];
    for two in reached.windows(2) {
        let calls = two[1].text == "(" && two[0].is_name();
        if calls && (two[0].is_quoted() || !two[0].is_any(&STEADY) && !two[0].is_any(&WORDS)) {
            return None;
        }
    }
    let parameters = parameters_of(statement, &tokens[before], reached)?;
    let text = |tokens: &[Token<'_>]| match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => sql.get(first.start..last.start + last.text.len()),
        _ => Some(""),
    };
    let counting = format!("SELECT count(*) FROM {} {}", text(named)?, text(reached)?);
    Some(Statement { sql: counting, parameters })
}

/// The parameters that are left when only the condition is.
fn parameters_of(
    statement: &Statement,
    before: &[Token<'_>],
    reached: &[Token<'_>],
) -> Option<Parameters> {
    let all = || before.iter().chain(reached);
    match &statement.parameters {
        Parameters::Positional(values) => {
            // Each is one value; with numbers, or names among them, counting does not tell which.
            if all().any(|token| token.is_parameter() && token.text != "?") {
                return None;
            }
            let set = before.iter().filter(|token| token.is_parameter()).count();
            Some(Parameters::Positional(values.get(set..)?.to_vec()))
        }
        Parameters::Named(pairs) => {
            if all().any(|token| token.text.starts_with('?')) {
                return None;
            }
            let is_used = |name: &str| {
                reached
                    .iter()
                    .any(|token| token.is_parameter() && token.text.get(1..) == Some(name))
            };
            let used = pairs.iter().filter(|(name, _)| is_used(name)).cloned();
            Some(Parameters::Named(used.collect()))
        }
    }
}

/// A piece of a statement that is no space and no comment.
#[derive(Debug, Clone, Copy)]
struct Token<'s> {
    text: &'s str,
    start: usize,
    /// How many parentheses are open around it.
    depth: usize,
}

impl Token<'_> {
    fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }

    fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    fn is_quoted(&self) -> bool {
        self.text.starts_with(['"', '`', '['])
    }

    fn is_name(&self) -> bool {
        self.is_quoted() || self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }

    fn is_parameter(&self) -> bool {
        self.text.starts_with(['?', ':', '@', '$'])
    }
}

/// The pieces of a statement, as SQLite's tokenizer splits them. `None`: it would not.
fn tokens(sql: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    while let Some(first) = sql[start..].chars().next() {
        let rest = &sql[start..];
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
        let word = |from: usize| {
            rest[from..].find(|c: char| !is_word(c)).map_or(rest.len(), |length| from + length)
        };
        let length = match first {
            c if c.is_ascii_whitespace() => {
                start += 1;
                continue;
            }
            '-' if rest.starts_with("--") => {
                start += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '/' if rest.starts_with("/*") => {
                // SQLite ends an open comment at the end of the text.
                start += rest[2..].find("*/").map_or(rest.len(), |end| end + 4);
                continue;
            }
            '\'' | '"' | '`' => quoted(rest, first)?,
            '[' => rest.find(']')? + 1,
            '(' => {
                tokens.push(Token { text: "(", start, depth });
                depth += 1;
                start += 1;
                continue;
            }
            ')' => {
                depth = depth.checked_sub(1)?;
                1
            }
            '?' => rest[1..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |it| it + 1),
            // `$a::b(c)` is one parameter to SQLite, and nothing that we read.
            ':' | '@' | '$' if rest[1..].starts_with(is_word) => word(1),
            c if is_word(c) => word(0),
            c => c.len_utf8(),
        };
        tokens.push(Token { text: &rest[..length], start, depth });
        start += length;
    }
    (depth == 0).then_some(tokens)
}

/// The length of a text in quotes, where a doubled quote stands for one.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut from = 1;
    loop {
        let end = from + rest[from..].find(quote)?;
        if !rest[end + 1..].starts_with(quote) {
            return Some(end + 1);
        }
        from = end + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use initrunner_sdk::sql::Value;

    #[track_caller]
    fn counts(sql: &str, expected: Option<&str>) {
        let found = count(&Statement::new(sql));
        assert_eq!(found.map(|it| it.sql).as_deref(), expected, "{sql}");
    }

    #[test]
    fn the_condition_is_taken_as_it_stands() {
        counts("DELETE FROM t", Some("SELECT count(*) FROM t "));
        counts("DELETE FROM t WHERE a = 1;", Some("SELECT count(*) FROM t WHERE a = 1"));
        counts(
            "UPDATE main.\"my t\" SET a = (SELECT max(b) FROM u WHERE c) WHERE d IN (1, 2) -- x",
            Some("SELECT count(*) FROM main.\"my t\" WHERE d IN (1, 2)"),
        );
        counts(
            "update t set a = 'where' where lower(b) = 'x;'",
            Some("SELECT count(*) FROM t where lower(b) = 'x;'"),
        );
        counts(
            "DELETE /* FROM x */ FROM t WHERE a = '--' AND b",
            Some("SELECT count(*) FROM t WHERE a = '--' AND b"),
        );
    }

    #[test]
    fn where_there_is_doubt_there_is_no_number() {
        for sql in [
            "INSERT INTO t VALUES (1)",
            "DELETE FROM t WHERE random() > 0",
            "DELETE FROM t WHERE \"random\"() > 0",
            "DELETE FROM t WHERE a < date('now')",
            "DELETE FROM t WHERE a < CURRENT_TIMESTAMP",
            "DELETE FROM t WHERE a RETURNING a",
            "DELETE FROM t ORDER BY a LIMIT 1",
            "DELETE FROM t AS x WHERE x.a",
            "DELETE FROM t INDEXED BY i WHERE a",
            "UPDATE OR REPLACE t SET a = 1",
            "UPDATE t SET a = u.a FROM u WHERE t.b = u.b",
            "WITH x AS (SELECT 1) DELETE FROM t",
            "DELETE FROM t; DELETE FROM u",
            "DELETE FROM t WHERE (a",
            "DELETE FROM t WHERE a)",
            "DELETE FROM t WHERE 'a",
            "",
            "DELETE",
            "UPDATE t",
        ] {
            counts(sql, None);
        }
    }

    #[test]
    fn values_of_the_condition_stay() {
        let set = Statement::new("UPDATE t SET a = ?, b = ? WHERE c = ?");
        let set = set.with([1.into(), 2.into(), 3.into()]);
        assert_eq!(
            count(&set).unwrap().parameters,
            Parameters::Positional(vec![Value::Integer(3)])
        );
        let named = Statement::new("UPDATE t SET a = :a WHERE c = $c");
        let named = named.with_named([("a", 1.into()), ("c", 3.into())]);
        assert_eq!(
            count(&named).unwrap().parameters,
            Parameters::Named(vec![("c".into(), Value::Integer(3))])
        );
        let numbered =
            Statement::new("UPDATE t SET a = ?2 WHERE c = ?1").with([1.into(), 2.into()]);
        assert_eq!(count(&numbered), None);
        let few = Statement::new("UPDATE t SET a = ?, b = ? WHERE c").with([1.into()]);
        assert_eq!(count(&few), None);
    }
}
