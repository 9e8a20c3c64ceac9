//! What a plain scalar means: the core schema of YAML 1.2. `yes` and `on` are text there.

/// The kind of a scalar. The text stays beside it, in the node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Typed {
    /// Empty, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a point or an exponent; always finite.
    Float(f64),
    /// Anything else.
    Text,
}

/// A number that no value can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unholdable {
    /// A whole number beyond 64 bits.
    TooLarge,
    /// Infinite or not a number: JSON has no word for it.
    NotFinite,
}

/// The meaning of an unquoted scalar.
pub(super) fn resolve(plain: &str) -> Result<Typed, Unholdable> {
    Ok(match plain {
        "" | "~" | "null" | "Null" | "NULL" => Typed::Null,
        "true" | "True" | "TRUE" => Typed::Bool(true),
        "false" | "False" | "FALSE" => Typed::Bool(false),
        _ => return number(plain),
    })
}

fn number(plain: &str) -> Result<Typed, Unholdable> {
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = plain.strip_prefix(prefix)
            && !digits.is_empty()
            && digits.chars().all(|digit| digit.is_digit(radix))
        {
            let value = i64::from_str_radix(digits, radix).map_err(|_| Unholdable::TooLarge)?;
            return Ok(Typed::Integer(value));
        }
    }
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(plain, ".nan" | ".NaN" | ".NAN") {
        return Err(Unholdable::NotFinite);
    }
    if all_digits(unsigned) && !unsigned.is_empty() {
        return Ok(Typed::Integer(plain.parse().map_err(|_| Unholdable::TooLarge)?));
    }
    if !is_float(unsigned) {
        return Ok(Typed::Text);
    }
    match plain.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Typed::Float(value)),
        Ok(_) => Err(Unholdable::NotFinite),
        Err(_) => Ok(Typed::Text),
    }
}

/// `( .d+ | d+ ( . d* )? ) ( e [-+]? d+ )?`, without the sign.
fn is_float(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = all_digits(whole) && all_digits(fraction) && whole.len() + fraction.len() > 0;
    digits
        && exponent.is_none_or(|exponent| {
            let unsigned = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            !unsigned.is_empty() && all_digits(unsigned)
        })
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_schema() {
        use Typed::{Bool, Float, Integer, Null, Text};
        for (plain, typed) in [
            ("", Null),
            ("~", Null),
            ("null", Null),
            ("NULL", Null),
            ("nULL", Text),
            ("true", Bool(true)),
            ("False", Bool(false)),
            ("yes", Text),
            ("on", Text),
            ("0", Integer(0)),
            ("-12", Integer(-12)),
            ("+7", Integer(7)),
            ("007", Integer(7)),
            ("0x1F", Integer(31)),
            ("0o17", Integer(15)),
            ("0x", Text),
            ("-0x1", Text),
            ("0x-1", Text),
            ("+-5", Text),
            ("1_000", Text),
            ("9223372036854775807", Integer(i64::MAX)),
            ("-9223372036854775808", Integer(i64::MIN)),
            ("1.5", Float(1.5)),
            ("-.5", Float(-0.5)),
            ("1.", Float(1.0)),
            ("1e3", Float(1000.0)),
            ("1.E-1", Float(0.1)),
            (".", Text),
            ("-", Text),
            ("e5", Text),
            (".e5", Text),
            ("1e", Text),
            ("1.2.3", Text),
            ("inf", Text),
            ("nan", Text),
            ("infinity", Text),
            ("\u{661}", Text),
        ] {
            assert_eq!(resolve(plain), Ok(typed), "{plain}");
        }
    }

    #[test]
    fn numbers_that_nothing_can_hold() {
        for plain in ["9223372036854775808", "-9223372036854775809", "0xffffffffffffffff"] {
            assert_eq!(resolve(plain), Err(Unholdable::TooLarge), "{plain}");
        }
        for plain in [".inf", "-.INF", ".nan", "1e999"] {
            assert_eq!(resolve(plain), Err(Unholdable::NotFinite), "{plain}");
        }
    }
}
