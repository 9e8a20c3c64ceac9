//! A WIT type, as far as JSON has it.

use std::sync::Arc;
use wasmtime::component::Type;

/// The most parts of the types of one function: more make a schema that no model reads.
pub(in crate::plugin) const MOST_PARTS: usize = 1_000;

/// A type that values can be read and written of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plugin) enum Shape {
    Bool,
    /// Of so many bits, with a sign or without.
    Integer {
        bits: u32,
        signed: bool,
    },
    Float {
        bits: u32,
    },
    Char,
    String,
    /// `list<u8>`.
    Bytes,
    List(Arc<Shape>),
    FixedList(Arc<Shape>, u32),
    Map(Arc<Shape>, Arc<Shape>),
    Record(Arc<[(String, Shape)]>),
    Tuple(Arc<[Shape]>),
    Variant(Arc<[(String, Option<Shape>)]>),
    Enum(Arc<[String]>),
    Flags(Arc<[String]>),
    Option(Arc<Shape>),
    Result(Option<Arc<Shape>>, Option<Arc<Shape>>),
}

/// Why a type has no JSON: what of it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plugin) enum Unfit {
    Resource,
    Stream,
    Future,
    ErrorContext,
    /// It has more than [`MOST_PARTS`].
    TooLarge,
}

impl Unfit {
    /// A clause.
    pub(in crate::plugin) const fn words(self) -> &'static str {
        match self {
            Self::Resource => "it has a resource",
            Self::Stream => "it has a stream",
            Self::Future => "it has a future",
            Self::ErrorContext => "it has an error context",
            Self::TooLarge => "its types have too many parts",
        }
    }
}

impl Shape {
    /// The shape of a type. `left` is how many more parts there may be.
    ///
    /// # Errors
    /// What of it has no JSON.
    pub(in crate::plugin) fn of(kind: &Type, left: &mut usize) -> Result<Self, Unfit> {
        *left = left.checked_sub(1).ok_or(Unfit::TooLarge)?;
        let integer = |bits, signed| Self::Integer { bits, signed };
        Ok(match kind {
            Type::Bool => Self::Bool,
            Type::S8 => integer(8, true),
            Type::U8 => integer(8, false),
            Type::S16 => integer(16, true),
            Type::U16 => integer(16, false),
            Type::S32 => integer(32, true),
            Type::U32 => integer(32, false),
            Type::S64 => integer(64, true),
            Type::U64 => integer(64, false),
            Type::Float32 => Self::Float { bits: 32 },
            Type::Float64 => Self::Float { bits: 64 },
            Type::Char => Self::Char,
            Type::String => Self::String,
            Type::List(list) => match list.ty() {
                Type::U8 => Self::Bytes,
                of => Self::List(Arc::new(Self::of(&of, left)?)),
            },
            Type::FixedLengthList(list) => {
                Self::FixedList(Arc::new(Self::of(&list.ty(), left)?), list.len())
            }
            Type::Map(map) => Self::Map(
                Arc::new(Self::of(&map.key(), left)?),
                Arc::new(Self::of(&map.value(), left)?),
            ),
            Type::Record(record) => {
                let field = |field: wasmtime::component::types::Field<'_>| {
                    Ok((field.name.to_owned(), Self::of(&field.ty, left)?))
                };
                Self::Record(record.fields().map(field).collect::<Result<_, _>>()?)
            }
            Type::Tuple(tuple) => {
                Self::Tuple(tuple.types().map(|of| Self::of(&of, left)).collect::<Result<_, _>>()?)
            }
            Type::Variant(variant) => {
                let case = |case: wasmtime::component::types::Case<'_>| {
                    let payload = case.ty.map(|of| Self::of(&of, left)).transpose()?;
                    Ok((case.name.to_owned(), payload))
                };
                Self::Variant(variant.cases().map(case).collect::<Result<_, _>>()?)
            }
            Type::Enum(words) => Self::Enum(words.names().map(str::to_owned).collect()),
            Type::Flags(words) => Self::Flags(words.names().map(str::to_owned).collect()),
            Type::Option(option) => Self::Option(Arc::new(Self::of(&option.ty(), left)?)),
            Type::Result(result) => {
                let mut side =
                    |of: Option<Type>| of.map(|of| Self::of(&of, left).map(Arc::new)).transpose();
                Self::Result(side(result.ok())?, side(result.err())?)
            }
            Type::Own(_) | Type::Borrow(_) => return Err(Unfit::Resource),
            Type::Stream(_) => return Err(Unfit::Stream),
            Type::Future(_) => return Err(Unfit::Future),
            Type::ErrorContext => return Err(Unfit::ErrorContext),
        })
    }

    /// How WIT writes it, with what types that have a name are made of.
    pub(super) fn declared(&self) -> String {
        let list = |parts: Vec<String>| parts.join(", ");
        let side = |of: &Option<Arc<Shape>>| of.as_ref().map_or("_".into(), |of| of.declared());
        match self {
            Self::Bool => "bool".into(),
            Self::Integer { bits, signed } => format!("{}{bits}", if *signed { 's' } else { 'u' }),
            Self::Float { bits } => format!("f{bits}"),
            Self::Char => "char".into(),
            Self::String => "string".into(),
            Self::Bytes => "list<u8>".into(),
            Self::List(of) => format!("list<{}>", of.declared()),
            Self::FixedList(of, length) => format!("list<{}, {length}>", of.declared()),
            Self::Map(key, value) => format!("map<{}, {}>", key.declared(), value.declared()),
            Self::Record(fields) => {
                let field = |(name, of): &(String, Self)| format!("{name}: {}", of.declared());
                format!("record {{ {} }}", list(fields.iter().map(field).collect()))
            }
            Self::Tuple(parts) => {
                format!("tuple<{}>", list(parts.iter().map(Self::declared).collect()))
            }
            Self::Variant(cases) => {
                let case = |(name, of): &(String, Option<Self>)| match of {
                    None => name.clone(),
                    Some(of) => format!("{name}({})", of.declared()),
                };
                format!("variant {{ {} }}", list(cases.iter().map(case).collect()))
            }
            Self::Enum(words) => format!("enum {{ {} }}", words.join(", ")),
            Self::Flags(words) => format!("flags {{ {} }}", words.join(", ")),
            Self::Option(of) => format!("option<{}>", of.declared()),
            Self::Result(None, None) => "result".into(),
            Self::Result(ok, None) => format!("result<{}>", side(ok)),
            Self::Result(ok, err) => format!("result<{}, {}>", side(ok), side(err)),
        }
    }

    /// Whether `null` is one of its values.
    pub(super) fn is_nullable(&self) -> bool {
        matches!(self, Self::Option(_))
    }
}

/// Any shape, and a value of it, for the laws of this folder.
#[cfg(test)]
pub(super) mod sample {
    use super::Shape;
    use proptest::prelude::*;
    use std::sync::Arc;
    use wasmtime::component::Val;

    fn names(number: usize) -> Vec<String> {
        (0..number).map(|at| format!("name-{at}")).collect()
    }

    /// A shape of a few levels.
    pub(in crate::plugin::reflect) fn shape() -> BoxedStrategy<Shape> {
        let leaf = prop_oneof![
            Just(Shape::Bool),
            (prop_oneof![Just(8), Just(16), Just(32), Just(64)], any::<bool>())
                .prop_map(|(bits, signed)| Shape::Integer { bits, signed }),
            prop_oneof![Just(32), Just(64)].prop_map(|bits| Shape::Float { bits }),
            Just(Shape::Char),
            Just(Shape::String),
            Just(Shape::Bytes),
            (1..4_usize).prop_map(|n| Shape::Enum(names(n).into())),
            (0..4_usize).prop_map(|n| Shape::Flags(names(n).into())),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let one = inner.clone().prop_map(Arc::new);
            prop_oneof![
                one.clone().prop_map(Shape::List),
                (one.clone(), 1..4_u32).prop_map(|(of, n)| Shape::FixedList(of, n)),
                (one.clone(), one.clone()).prop_map(|(key, value)| Shape::Map(key, value)),
                prop::collection::vec(inner.clone(), 1..4).prop_map(|fields| {
                    Shape::Record(names(fields.len()).into_iter().zip(fields).collect())
                }),
                prop::collection::vec(inner.clone(), 1..4)
                    .prop_map(|parts| Shape::Tuple(parts.into())),
                prop::collection::vec(prop::option::of(inner), 1..4).prop_map(|cases| {
                    Shape::Variant(names(cases.len()).into_iter().zip(cases).collect())
                }),
                one.clone().prop_map(Shape::Option),
                (prop::option::of(one.clone()), prop::option::of(one))
                    .prop_map(|(ok, err)| Shape::Result(ok, err)),
            ]
        })
        .boxed()
    }

    /// A value of a shape.
    pub(in crate::plugin::reflect) fn value(shape: &Shape) -> BoxedStrategy<Val> {
        let boxed = |shape: &Shape| value(shape).prop_map(Box::new);
        match shape {
            Shape::Bool => any::<bool>().prop_map(Val::Bool).boxed(),
            Shape::Integer { bits: 8, signed: true } => any::<i8>().prop_map(Val::S8).boxed(),
            Shape::Integer { bits: 8, .. } => any::<u8>().prop_map(Val::U8).boxed(),
            Shape::Integer { bits: 16, signed: true } => any::<i16>().prop_map(Val::S16).boxed(),
            Shape::Integer { bits: 16, .. } => any::<u16>().prop_map(Val::U16).boxed(),
            Shape::Integer { bits: 32, signed: true } => any::<i32>().prop_map(Val::S32).boxed(),
            Shape::Integer { bits: 32, .. } => any::<u32>().prop_map(Val::U32).boxed(),
            Shape::Integer { signed: true, .. } => any::<i64>().prop_map(Val::S64).boxed(),
            Shape::Integer { .. } => any::<u64>().prop_map(Val::U64).boxed(),
            Shape::Float { bits: 32 } => any::<f32>().prop_map(Val::Float32).boxed(),
            Shape::Float { .. } => any::<f64>().prop_map(Val::Float64).boxed(),
            Shape::Char => any::<char>().prop_map(Val::Char).boxed(),
            Shape::String => "\\PC{0,8}".prop_map(Val::String).boxed(),
            Shape::Bytes => prop::collection::vec(any::<u8>(), 0..8)
                .prop_map(|bytes| Val::List(bytes.into_iter().map(Val::U8).collect()))
                .boxed(),
            Shape::List(of) => prop::collection::vec(value(of), 0..4).prop_map(Val::List).boxed(),
            Shape::FixedList(of, n) => {
                prop::collection::vec(value(of), *n as usize).prop_map(Val::FixedLengthList).boxed()
            }
            Shape::Map(key, of) => {
                prop::collection::vec((value(key), value(of)), 0..3).prop_map(Val::Map).boxed()
            }
            Shape::Record(fields) => {
                let values: Vec<_> = fields
                    .iter()
                    .map(|(name, of)| {
                        let name = name.clone();
                        value(of).prop_map(move |value| (name.clone(), value))
                    })
                    .collect();
                values.prop_map(Val::Record).boxed()
            }
            Shape::Tuple(parts) => {
                parts.iter().map(value).collect::<Vec<_>>().prop_map(Val::Tuple).boxed()
            }
            Shape::Variant(cases) => {
                let of_case = |(name, of): &(String, Option<Shape>)| {
                    let name = name.clone();
                    match of {
                        None => Just(Val::Variant(name, None)).boxed(),
                        Some(of) => boxed(of)
                            .prop_map(move |value| Val::Variant(name.clone(), Some(value)))
                            .boxed(),
                    }
                };
                prop::strategy::Union::new(cases.iter().map(of_case)).boxed()
            }
            Shape::Enum(words) => prop::sample::select(words.to_vec()).prop_map(Val::Enum).boxed(),
            Shape::Flags(words) => prop::sample::subsequence(words.to_vec(), 0..=words.len())
                .prop_map(Val::Flags)
                .boxed(),
            Shape::Option(of) => prop::option::of(boxed(of)).prop_map(Val::Option).boxed(),
            Shape::Result(ok, err) => {
                let side = |of: &Option<Arc<Shape>>| match of {
                    None => Just(None).boxed(),
                    Some(of) => boxed(of).prop_map(Some).boxed(),
                };
                prop_oneof![
                    side(ok).prop_map(|value| Val::Result(Ok(value))),
                    side(err).prop_map(|value| Val::Result(Err(value))),
                ]
                .boxed()
            }
        }
    }
}
