//! The text form of a schema. Its lines are described in `schema/README.md`.

use super::schema::{Enum, Field, FieldKind, MAX_NESTING, Schema, Struct, Type, TypeIndex};
use crate::{Error, ErrorKind, Result};

impl Schema {
    /// Reads a text snapshot.
    ///
    /// # Errors
    /// `bad-schema` with the line.
    pub fn from_snapshot(text: &str) -> Result<Self> {
        let mut reader = Reader::default();
        let lines =
            || text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.is_empty());
        let at = |i: usize| move |reason| Error::from(ErrorKind::BadSchema { reason }).line(i as u64 + 1);
        for (i, line) in lines() {
            reader.declare(line).map_err(at(i))?;
        }
        let mut current = None;
        for (i, line) in lines() {
            match line.strip_prefix(' ') {
                Some(member) => reader.member(current, member).map_err(at(i))?,
                None => current = reader.head(line).map_err(at(i))?,
            }
        }
        reader.schema.check_groups().map_err(|reason| ErrorKind::BadSchema { reason })?;
        Ok(reader.schema)
    }
}

type Outcome<T> = std::result::Result<T, String>;

#[derive(Default)]
struct Reader {
    schema: Schema,
}

impl Reader {
    /// First pass: gives every type its index.
    fn declare(&mut self, line: &str) -> Outcome<()> {
        let words: Vec<&str> = line.split(' ').collect();
        let schema = &mut self.schema;
        match words[..] {
            ["struct" | "group", name, id, ..] => {
                schema.names.insert(name.to_owned(), TypeIndex::Struct(schema.structs.len()));
                let union = words.iter().position(|w| *w == "union").and_then(|i| words.get(i + 2));
                let union = union.map(|offset| number(offset)).transpose()?;
                let (name, id) = (name.to_owned(), hex(id)?);
                schema.structs.push(Struct { name, id, union, ..Struct::default() });
            }
            ["enum", name, id] => {
                schema.names.insert(name.to_owned(), TypeIndex::Enum(schema.enums.len()));
                schema.enums.push(Enum { name: name.to_owned(), id: hex(id)?, enumerants: Vec::new() });
            }
            _ => {}
        }
        Ok(())
    }

    /// Second pass: a line that is no member opens a type or names something in one.
    fn head(&mut self, line: &str) -> Outcome<Option<TypeIndex>> {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["struct" | "group" | "enum", name, ..] => Ok(Some(self.index(name)?)),
            ["alias", ty, old, new] => {
                let i = self.struct_index(ty)?;
                self.schema.structs[i].aliases.push((old.to_owned(), new.to_owned()));
                Ok(None)
            }
            ["unit", ty, path, unit] => {
                let mut i = self.struct_index(ty)?;
                let steps =
                    self.schema.find_exact(i, path).ok_or_else(|| format!("`{ty}` has no `{path}`"))?;
                for (n, step) in steps.iter().enumerate() {
                    let field = &mut self.schema.structs[i].fields[*step];
                    match field.kind {
                        FieldKind::Group(group) => i = group,
                        _ if n + 1 == steps.len() => field.unit = Some(unit.to_owned()),
                        _ => {}
                    }
                }
                Ok(None)
            }
            _ => Err(format!("expected struct, group, enum, alias or unit, not `{line}`")),
        }
    }

    fn member(&mut self, current: Option<TypeIndex>, line: &str) -> Outcome<()> {
        match current {
            Some(TypeIndex::Enum(i)) => self.schema.enums[i].enumerants.push(line.to_owned()),
            Some(TypeIndex::Struct(i)) => {
                let field = self.field(line)?;
                self.schema.structs[i].fields.push(field);
            }
            None => return Err("a member outside a type".to_owned()),
        }
        Ok(())
    }

    fn field(&mut self, line: &str) -> Outcome<Field> {
        let mut words = line.split(' ');
        let (Some(name), Some(ty), Some(place)) = (words.next(), words.next(), words.next()) else {
            return Err(format!("expected `name type offset`, not `{line}`"));
        };
        let (mut default, mut which) = ("", None);
        for word in words {
            if let Some(value) = word.strip_prefix('=') {
                default = value;
            } else if let Some(value) = word.strip_prefix('?') {
                which = Some(number(value)?);
            }
        }
        let kind = if ty == "group" {
            FieldKind::Group(self.struct_index(place)?)
        } else {
            let ty = self.ty(ty)?;
            let default = if default.is_empty() { 0 } else { default_bits(&ty, default)? };
            FieldKind::Slot { ty, offset: number(place)?, default }
        };
        Ok(Field { name: name.to_owned(), which, kind, unit: None })
    }

    fn ty(&mut self, name: &str) -> Outcome<Type> {
        if name.matches('(').count() > MAX_NESTING {
            return Err("type nested too deep".to_owned());
        }
        if let Some(ty) = Type::builtin(name) {
            return Ok(ty);
        }
        if let Some(element) = name.strip_prefix("List(").and_then(|rest| rest.strip_suffix(')')) {
            return Ok(Type::List(Box::new(self.ty(element)?)));
        }
        if let Some(arguments) = name.strip_prefix("Map(").and_then(|rest| rest.strip_suffix(')')) {
            let (key, value) = arguments.split_once(',').ok_or("Map takes two types")?;
            return self.map(name, key, value);
        }
        Ok(match self.index(name)? {
            TypeIndex::Struct(i) => Type::Struct(i),
            TypeIndex::Enum(i) => Type::Enum(i),
        })
    }

    /// The generic `Map` with its arguments in place, as a struct of its own.
    fn map(&mut self, name: &str, key: &str, value: &str) -> Outcome<Type> {
        if let Some(TypeIndex::Struct(i)) = self.schema.names.get(name) {
            return Ok(Type::Struct(*i));
        }
        let (map, entry) = (self.struct_index("Map")?, self.struct_index("Map.Entry")?);
        let slot = |name: &str, ty, offset| {
            let kind = FieldKind::Slot { ty, offset, default: 0 };
            Field { name: name.to_owned(), which: None, kind, unit: None }
        };
        let fields = vec![slot("key", self.ty(key)?, 0), slot("value", self.ty(value)?, 1)];
        let id = self.schema.structs[entry].id;
        let entry = self.schema.structs.len();
        self.schema.structs.push(Struct { name: format!("{name}.Entry"), id, fields, ..Struct::default() });
        let fields = vec![slot("entries", Type::List(Box::new(Type::Struct(entry))), 0)];
        let id = self.schema.structs[map].id;
        self.schema.names.insert(name.to_owned(), TypeIndex::Struct(entry + 1));
        self.schema.structs.push(Struct { name: name.to_owned(), id, fields, ..Struct::default() });
        Ok(Type::Struct(entry + 1))
    }

    fn index(&self, name: &str) -> Outcome<TypeIndex> {
        self.schema.names.get(name).copied().ok_or_else(|| format!("unknown type `{name}`"))
    }

    fn struct_index(&self, name: &str) -> Outcome<usize> {
        match self.index(name)? {
            TypeIndex::Struct(i) => Ok(i),
            TypeIndex::Enum(_) => Err(format!("`{name}` is an enum")),
        }
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Outcome<T> {
    text.parse().map_err(|_| format!("expected a number, not `{text}`"))
}

fn hex(text: &str) -> Outcome<u64> {
    u64::from_str_radix(text, 16).map_err(|_| format!("expected a type id, not `{text}`"))
}

/// The bits that a stored value is XORed with.
fn default_bits(ty: &Type, text: &str) -> Outcome<u64> {
    Ok(match ty {
        Type::Bool => u64::from(text == "true"),
        Type::Float32 => u64::from(number::<f32>(text)?.to_bits()),
        Type::Float64 => number::<f64>(text)?.to_bits(),
        Type::UInt64 => number(text)?,
        _ => number::<i64>(text)? as u64,
    })
}
