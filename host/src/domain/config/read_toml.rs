//! TOML as the tree of nodes that roles are read from, so that both speak of grants and limits in the
//! same words and are checked by the same code.

use crate::domain::yaml::{
    Key, Node, NodeValue, Position, Problems, Scalar, Source, Typed, is_unprintable, shown,
};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A hundred times what a configuration takes.
const MAX_BYTES: usize = 1 << 20;

/// Reads a text. `None`: it is no TOML, and the problem was noted.
pub(in crate::domain) fn read_toml(text: &str, problems: &mut Problems) -> Option<Node> {
    let source = Source::new(text);
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; it may have {MAX_BYTES}", text.len());
        problems.add(Position { line: 1, column: 1 }, message, "remove what is not needed");
        return None;
    }
    if let Some((byte, character)) = text.char_indices().find(|(_, c)| is_unprintable(*c)) {
        let message =
            format!("the file holds the control character U+{:04X}", u32::from(character));
        problems.add(source.position_of(byte), message, "remove it");
        return None;
    }
    match DeTable::parse(text) {
        Ok(table) => {
            let position = Position { line: 1, column: 1 };
            let value = mapping(table.get_ref(), &source, problems);
            Some(Node { position, value })
        }
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let message =
                format!("this is not valid TOML: {}", error.message().replace('\n', ", "));
            problems.add(
                source.position_of(at),
                message,
                "write `[NAME]` or `[[NAME]]` on a line of its own, and lines `key = value` below it",
            );
            None
        }
    }
}

fn mapping(table: &DeTable<'_>, source: &Source<'_>, problems: &mut Problems) -> NodeValue {
    let mut pairs: Vec<(Key, Node)> = table
        .iter()
        .map(|(key, value)| {
            let position = source.position_of(key.span().start);
            let key = Key { text: key.get_ref().to_string(), position };
            (key, node(value, source, problems))
        })
        .collect();
    pairs.sort_by_key(|(key, _)| (key.position.line, key.position.column));
    NodeValue::Mapping(pairs)
}

/// The parser has a limit on depth, so that this may recurse.
fn node(value: &Spanned<DeValue<'_>>, source: &Source<'_>, problems: &mut Problems) -> Node {
    let position = source.position_of(value.span().start);
    let scalar = |text: &str, typed| NodeValue::Scalar(Scalar::plain(text.to_owned(), typed));
    let value = match value.get_ref() {
        DeValue::String(text) => scalar(text, Typed::Text),
        DeValue::Integer(number) => {
            match i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()) {
                Ok(value) => scalar(number.as_str(), Typed::Integer(value)),
                Err(_) => {
                    let message = format!("{} does not fit into 64 bits", shown(number.as_str()));
                    problems.add(position, message, "write a smaller number");
                    NodeValue::Broken
                }
            }
        }
        // No key wants one; whoever reads it says what it wants instead.
        DeValue::Float(number) => {
            scalar(number.as_str(), Typed::Float(number.as_str().parse().unwrap_or_default()))
        }
        DeValue::Boolean(flag) => scalar(&flag.to_string(), Typed::Bool(*flag)),
        DeValue::Datetime(moment) => {
            let message =
                format!("{} is a date, which no key here holds", shown(&moment.to_string()));
            problems.add(position, message, "put it in quotes if it is text");
            NodeValue::Broken
        }
        DeValue::Array(items) => {
            NodeValue::Sequence(items.iter().map(|item| node(item, source, problems)).collect())
        }
        DeValue::Table(table) => mapping(table, source, problems),
    };
    Node { position, value }
}
