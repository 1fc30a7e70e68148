//! Schemas as data: structs, fields, enums, and names old and new.
//!
//! A schema comes from a text snapshot ([`Schema::from_snapshot`]) or from what `capnp compile -o-` prints
//! ([`Schema::from_request`]). Layouts are taken as given: nothing here computes an offset.

use rustc_hash::FxHashMap;

use crate::error::nearest;
use crate::{ErrorKind, Result};

/// Most levels of lists in lists, and of groups in groups. openpilot's schema has 2.
pub(super) const MAX_NESTING: usize = 16;

/// A set of struct and enum types.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    pub(super) structs: Vec<Struct>,
    pub(super) enums: Vec<Enum>,
    pub(super) names: FxHashMap<String, TypeIndex>,
}

/// Where a named type stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TypeIndex {
    Struct(usize),
    Enum(usize),
}

/// A struct, or a group, which is a name for some fields of the struct around it.
#[derive(Clone, Debug, Default)]
pub struct Struct {
    /// Name with its scope: `CarState.WheelSpeeds`.
    pub name: String,
    /// Type id.
    pub id: u64,
    /// Offset of the union's discriminant in 16-bit units, for structs with an unnamed union.
    pub union: Option<u32>,
    /// Fields in declaration order.
    pub fields: Vec<Field>,
    /// Names that fields had at other times, each with today's path inside the struct.
    pub aliases: Vec<(String, String)>,
}

/// A field of a struct.
#[derive(Clone, Debug)]
pub struct Field {
    /// The field's name.
    pub name: String,
    /// Discriminant, for members of the union.
    pub which: Option<u16>,
    /// Where its value is.
    pub kind: FieldKind,
    /// Unit of the value where it is known: `m/s`, `ns`.
    pub unit: Option<String>,
}

/// Where the value of a field is.
#[derive(Clone, Debug)]
pub enum FieldKind {
    /// In the data section or behind a pointer.
    Slot {
        /// Type of the value.
        ty: Type,
        /// Offset in units of the type's size, or index of the pointer.
        offset: u32,
        /// The declared default: bits that are XORed with the stored value.
        default: u64,
    },
    /// A group: index of its struct, whose fields lie in the same sections.
    Group(usize),
}

/// Type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the definition")]
pub enum Type {
    Void,
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Float32,
    Float64,
    Text,
    Data,
    AnyPointer,
    List(Box<Type>),
    /// Index for [`Schema::enumeration`].
    Enum(usize),
    /// Index for [`Schema::structure`].
    Struct(usize),
}

/// An enum.
#[derive(Clone, Debug, Default)]
pub struct Enum {
    /// Name with its scope.
    pub name: String,
    /// Type id.
    pub id: u64,
    /// Names in order of their numbers, from 0.
    pub enumerants: Vec<String>,
}

impl Schema {
    /// Struct `index`; indexes come from [`Type::Struct`] and [`FieldKind::Group`].
    pub fn structure(&self, index: usize) -> &Struct {
        &self.structs[index]
    }

    /// Enum `index`; indexes come from [`Type::Enum`].
    pub fn enumeration(&self, index: usize) -> &Enum {
        &self.enums[index]
    }

    /// All structs and groups.
    pub fn structs(&self) -> &[Struct] {
        &self.structs
    }

    /// Index of the struct of that type id.
    pub fn struct_by_id(&self, id: u64) -> Option<usize> {
        self.structs.iter().position(|s| s.id == id)
    }

    /// Field indexes that lead from struct `index` to `name`: one, or several through groups.
    ///
    /// A name that the schema lacks is tried as an old name: by the aliases, then inside the group `deprecated`,
    /// then with the suffix `DEPRECATED`, which is how openpilot retires fields.
    pub fn find(&self, index: usize, name: &str) -> Option<Vec<usize>> {
        let s = &self.structs[index];
        if let Some(i) = s.position(name) {
            return Some(vec![i]);
        }
        let alias = s.aliases.iter().find_map(
            |(old, new)| {
                if old == name { self.find_exact(index, new) } else { None }
            },
        );
        alias
            .or_else(|| self.find_exact(index, &format!("deprecated.{name}")))
            .or_else(|| self.find_exact(index, &format!("{name}DEPRECATED")))
    }

    /// Follows a dotted path of exact names through groups.
    pub(super) fn find_exact(&self, index: usize, path: &str) -> Option<Vec<usize>> {
        let (mut at, mut found) = (index, Vec::new());
        let mut rest = path.split('.').peekable();
        while let Some(name) = rest.next() {
            let i = self.structs[at].position(name)?;
            found.push(i);
            if rest.peek().is_some() {
                let FieldKind::Group(group) = self.structs[at].fields[i].kind else { return None };
                at = group;
            }
        }
        Some(found)
    }

    /// Field indexes along a dotted path of names, old or new, from struct `index` on, through groups and structs.
    ///
    /// # Errors
    /// `no-such-field`, with the nearest name.
    pub fn resolve(&self, index: usize, path: &str) -> Result<Vec<usize>> {
        let (mut at, mut found) = (Some(index), Vec::new());
        let mut done = String::new();
        for name in path.split('.') {
            let Some((mut s, steps)) = at.and_then(|at| Some((at, self.find(at, name)?))) else {
                let known = at.map_or(&[][..], |at| &self.structs[at].fields);
                let suggestion =
                    nearest(name, known.iter().map(|f| f.name.as_str())).map(|near| done + &near);
                let (service, field) = (self.structs[index].name.clone(), path.to_owned());
                return Err(ErrorKind::NoSuchField { service, field, suggestion }.into());
            };
            for step in steps {
                found.push(step);
                at = match &self.structs[s].fields[step].kind {
                    FieldKind::Group(group) => Some(*group),
                    FieldKind::Slot { ty, .. } => self.inner_struct(ty),
                };
                s = at.unwrap_or(s);
            }
            done = format!("{done}{name}.");
        }
        Ok(found)
    }

    /// The struct that a type holds, through lists.
    pub fn inner_struct(&self, ty: &Type) -> Option<usize> {
        match ty {
            Type::Struct(index) => Some(*index),
            Type::List(element) => self.inner_struct(element),
            _ => None,
        }
    }

    /// Whether groups form trees of few levels, so that whoever walks them comes to an end.
    ///
    /// # Errors
    /// A group that is part of itself, of two structs, or lies too deep.
    pub(super) fn check_groups(&self) -> Result<(), String> {
        let mut parents = vec![None; self.structs.len()];
        for (parent, s) in self.structs.iter().enumerate() {
            for group in s.fields.iter().filter_map(Field::group) {
                if parents[group].replace(parent).is_some() {
                    return Err(format!("group `{}` is a field twice", self.structs[group].name));
                }
            }
        }
        for (index, s) in self.structs.iter().enumerate() {
            let levels = std::iter::successors(Some(index), |at| parents[*at]);
            if levels.take(MAX_NESTING + 1).count() > MAX_NESTING {
                return Err(format!("group `{}` is part of itself or nested too deep", s.name));
            }
        }
        Ok(())
    }

    /// Takes over aliases and units of `other` for types of the same id, as far as their fields exist here.
    pub fn adopt_names(&mut self, other: &Self) {
        for i in 0..self.structs.len() {
            let Some(theirs) = other.structs.iter().find(|s| s.id == self.structs[i].id) else { continue };
            let known = |(_, new): &&(String, String)| self.find_exact(i, new).is_some();
            let aliases: Vec<_> = theirs.aliases.iter().filter(known).cloned().collect();
            let ours = &mut self.structs[i];
            ours.aliases.extend(aliases);
            for field in &mut ours.fields {
                let unit = theirs.fields.iter().find(|f| f.name == field.name).and_then(|f| f.unit.clone());
                field.unit = field.unit.take().or(unit);
            }
        }
    }
}

impl Field {
    fn group(&self) -> Option<usize> {
        match self.kind {
            FieldKind::Group(group) => Some(group),
            FieldKind::Slot { .. } => None,
        }
    }
}

impl Struct {
    fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }
}

impl Type {
    /// The type of that name; `None` for names of structs and enums.
    pub(super) fn builtin(name: &str) -> Option<Self> {
        Some(match name {
            "Void" => Self::Void,
            "Bool" => Self::Bool,
            "Int8" => Self::Int8,
            "Int16" => Self::Int16,
            "Int32" => Self::Int32,
            "Int64" => Self::Int64,
            "UInt8" => Self::UInt8,
            "UInt16" => Self::UInt16,
            "UInt32" => Self::UInt32,
            "UInt64" => Self::UInt64,
            "Float32" => Self::Float32,
            "Float64" => Self::Float64,
            "Text" => Self::Text,
            "Data" => Self::Data,
            "AnyPointer" => Self::AnyPointer,
            _ => return None,
        })
    }

    /// Whether the value is behind a pointer.
    pub fn is_pointer(&self) -> bool {
        matches!(self, Self::Text | Self::Data | Self::AnyPointer | Self::List(_) | Self::Struct(_))
    }
}
