//! Where fields are: paths resolved once, and sizes of structs.

use crate::Result;
use crate::capnp::schema::{FieldKind, Schema, Type};

/// A field of a struct, also one deeper down, resolved once for many messages.
#[derive(Clone, Debug)]
pub struct Place {
    /// The struct that the path starts from.
    pub(super) root: usize,
    /// Struct and field at each step.
    pub(super) steps: Vec<(usize, usize)>,
}

impl Place {
    /// The field at the dotted `path` of struct `index`.
    ///
    /// # Errors
    /// `no-such-field`, with the nearest name.
    pub fn new(schema: &Schema, index: usize, path: &str) -> Result<Self> {
        let mut at = index;
        let mut steps = Vec::new();
        for field in schema.resolve(index, path)? {
            steps.push((at, field));
            at = match &schema.structs[at].fields[field].kind {
                FieldKind::Group(group) => *group,
                FieldKind::Slot { ty, .. } => schema.inner_struct(ty).unwrap_or(at),
            };
        }
        Ok(Self { root: index, steps })
    }
}

impl Schema {
    /// Words of the data section and number of pointers of struct `index`: as far as its fields and groups reach.
    pub(in crate::capnp) fn size(&self, index: usize) -> (usize, usize) {
        let s = &self.structs[index];
        let mut size = (s.union.map_or(0, |offset| offset as usize / 4 + 1), 0);
        for field in &s.fields {
            let (words, pointers) = match &field.kind {
                FieldKind::Group(group) => self.size(*group),
                FieldKind::Slot { ty: Type::Void, .. } => (0, 0),
                FieldKind::Slot { ty, offset, .. } if ty.is_pointer() => (0, *offset as usize + 1),
                FieldKind::Slot { ty, offset, .. } => {
                    let bits = if *ty == Type::Bool { 1 } else { 8 * ty.width() };
                    (((*offset as usize + 1) * bits).div_ceil(64), 0)
                }
            };
            size = (size.0.max(words), size.1.max(pointers));
        }
        size
    }
}
