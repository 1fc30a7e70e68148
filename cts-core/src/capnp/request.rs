//! Schemas that `capnp compile -o-` prints: a `CodeGeneratorRequest`.

use capnp::message::ReaderOptions;
use capnp::schema_capnp::{brand, code_generator_request, field, node, type_, value};
use rustc_hash::FxHashMap;

use super::schema::{Enum, Field, FieldKind, MAX_NESTING, Schema, Struct, Type, TypeIndex};
use crate::{Error, ErrorKind, Result};

impl Schema {
    /// Reads a `CodeGeneratorRequest`, such as `capnp compile -o- log.capnp` prints.
    ///
    /// Type arguments of generic structs are put in place; declared defaults of lists and structs are not kept.
    ///
    /// # Errors
    /// `bad-schema`.
    pub fn from_request(bytes: &[u8]) -> Result<Self> {
        read(bytes).map_err(|e| bad(e.to_string()))
    }
}

fn bad(reason: String) -> Error {
    ErrorKind::BadSchema { reason: format!("not a CodeGeneratorRequest of `capnp compile -o-`: {reason}") }
        .into()
}

fn read(mut bytes: &[u8]) -> capnp::Result<Schema> {
    let message = capnp::serialize::read_message(&mut bytes, ReaderOptions::new())?;
    let request = message.get_root::<code_generator_request::Reader<'_>>()?;
    let mut loader = Loader { nodes: FxHashMap::default(), schema: Schema::default(), depth: 0, cost: 0 };
    for node in request.get_nodes()? {
        loader.nodes.insert(node.get_id(), node);
    }
    for node in request.get_nodes()? {
        match node.which()? {
            node::Struct(s) if !s.get_is_group() && !node.get_is_generic() => {
                loader.structure(node.get_id(), &[])?;
            }
            node::Enum(_) => {
                loader.enumeration(node.get_id())?;
            }
            _ => {}
        }
    }
    loader.schema.check_groups().map_err(capnp::Error::failed)?;
    Ok(loader.schema)
}

/// Most structs that are loaded one inside the other; a chain in openpilot's schema has 9.
const MAX_DEPTH: usize = 128;
/// Most bytes that all types may take, as [`Loader::charge`] counts them: 16 times openpilot's.
const MAX_COST: usize = 4 << 20;

/// Type arguments in force: scope id, index, type.
type Bindings = Vec<(u64, u16, Type)>;

struct Loader<'a> {
    nodes: FxHashMap<u64, node::Reader<'a>>,
    schema: Schema,
    /// Structs entered and not left.
    depth: usize,
    /// What was loaded so far.
    cost: usize,
}

impl<'a> Loader<'a> {
    fn node(&self, id: u64) -> capnp::Result<node::Reader<'a>> {
        self.nodes.get(&id).copied().ok_or_else(|| capnp::Error::failed(format!("type {id:016x} is missing")))
    }

    /// The name without the file: `log.capnp:CarState.WheelSpeeds` gives `CarState.WheelSpeeds`.
    fn name(&self, id: u64) -> capnp::Result<String> {
        let full = self.node(id)?.get_display_name()?.to_string()?;
        Ok(full.split_once(':').map_or(full.clone(), |(_, name)| name.to_owned()))
    }

    fn enumeration(&mut self, id: u64) -> capnp::Result<usize> {
        let name = self.name(id)?;
        if let Some(TypeIndex::Enum(i)) = self.schema.names.get(&name) {
            return Ok(*i);
        }
        let node::Enum(e) = self.node(id)?.which()? else {
            return Err(capnp::Error::failed(format!("type {id:016x} is no enum")));
        };
        let names = e.get_enumerants()?.iter().map(|e| Ok(e.get_name()?.to_string()?));
        let enumerants = names.collect::<capnp::Result<_>>()?;
        let index = self.schema.enums.len();
        self.schema.names.insert(name.clone(), TypeIndex::Enum(index));
        self.schema.enums.push(Enum { name, id, enumerants });
        Ok(index)
    }

    /// Loads a struct once per set of type arguments.
    fn structure(&mut self, id: u64, bindings: &[(u64, u16, Type)]) -> capnp::Result<usize> {
        let mut name = self.name(id)?;
        if !bindings.is_empty() {
            name = format!("{name}{:?}", bindings.iter().map(|(_, _, ty)| ty).collect::<Vec<_>>());
        }
        if let Some(TypeIndex::Struct(i)) = self.schema.names.get(&name) {
            return Ok(*i);
        }
        let node::Struct(s) = self.node(id)?.which()? else {
            return Err(capnp::Error::failed(format!("type {id:016x} is no struct")));
        };
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(capnp::Error::failed(format!("type {id:016x} is nested too deep")));
        }
        self.charge(&name)?;
        let union = (s.get_discriminant_count() > 0).then(|| s.get_discriminant_offset());
        let index = self.schema.structs.len();
        self.schema.names.insert(name.clone(), TypeIndex::Struct(index));
        self.schema.structs.push(Struct { name, id, union, ..Struct::default() });
        for field in s.get_fields()? {
            let field = self.field(field, bindings)?;
            self.charge(&field.name)?;
            self.schema.structs[index].fields.push(field);
        }
        self.depth -= 1;
        Ok(index)
    }

    fn field(&mut self, field: field::Reader<'a>, bindings: &[(u64, u16, Type)]) -> capnp::Result<Field> {
        let kind = match field.which()? {
            field::Group(group) => FieldKind::Group(self.structure(group.get_type_id(), bindings)?),
            field::Slot(slot) => {
                let ty = self.ty(slot.get_type()?, bindings)?;
                let default = default_bits(slot.get_default_value()?)?;
                FieldKind::Slot { ty, offset: slot.get_offset(), default }
            }
        };
        let which = field.get_discriminant_value();
        let which = (which != field::NO_DISCRIMINANT).then_some(which);
        Ok(Field { name: field.get_name()?.to_string()?, which, kind, unit: None })
    }

    fn ty(&mut self, ty: type_::Reader<'a>, bindings: &[(u64, u16, Type)]) -> capnp::Result<Type> {
        use type_::Which as W;
        Ok(match ty.which()? {
            W::Void(()) => Type::Void,
            W::Bool(()) => Type::Bool,
            W::Int8(()) => Type::Int8,
            W::Int16(()) => Type::Int16,
            W::Int32(()) => Type::Int32,
            W::Int64(()) => Type::Int64,
            W::Uint8(()) => Type::UInt8,
            W::Uint16(()) => Type::UInt16,
            W::Uint32(()) => Type::UInt32,
            W::Uint64(()) => Type::UInt64,
            W::Float32(()) => Type::Float32,
            W::Float64(()) => Type::Float64,
            W::Text(()) => Type::Text,
            W::Data(()) => Type::Data,
            W::Interface(_) => Type::AnyPointer,
            W::List(list) => Self::list(self.ty(list.get_element_type()?, bindings)?)?,
            W::Enum(e) => Type::Enum(self.enumeration(e.get_type_id())?),
            W::Struct(s) => {
                let arguments = self.arguments(s.get_brand()?, bindings)?;
                Type::Struct(self.structure(s.get_type_id(), &arguments)?)
            }
            W::AnyPointer(any) => match any.which()? {
                type_::any_pointer::Parameter(p) => {
                    let (scope, index) = (p.get_scope_id(), p.get_parameter_index());
                    let bound = bindings.iter().find(|(s, i, _)| *s == scope && *i == index);
                    bound.map_or(Type::AnyPointer, |(_, _, ty)| ty.clone())
                }
                _ => Type::AnyPointer,
            },
        })
    }

    /// Counts a type or a field. A list of empty fields costs a request nothing, and a generic struct may hold itself
    /// with ever longer arguments.
    fn charge(&mut self, name: &str) -> capnp::Result<()> {
        self.cost += name.len() + 64;
        match self.cost > MAX_COST {
            true => Err(capnp::Error::failed("types without end".to_owned())),
            false => Ok(()),
        }
    }

    /// A list of `element`, unless there are lists in it without end.
    fn list(element: Type) -> capnp::Result<Type> {
        let levels = std::iter::successors(Some(&element), |ty| match ty {
            Type::List(inner) => Some(&**inner),
            _ => None,
        });
        match levels.take(MAX_NESTING + 1).count() > MAX_NESTING {
            true => Err(capnp::Error::failed("lists nested too deep".to_owned())),
            false => Ok(Type::List(Box::new(element))),
        }
    }

    /// The type arguments that a brand gives, in terms of those already in force.
    fn arguments(&mut self, brand: brand::Reader<'a>, outer: &[(u64, u16, Type)]) -> capnp::Result<Bindings> {
        let mut all = Vec::new();
        for scope in brand.get_scopes()? {
            match scope.which()? {
                brand::scope::Inherit(()) => {
                    all.extend(outer.iter().filter(|(id, ..)| *id == scope.get_scope_id()).cloned());
                }
                brand::scope::Bind(list) => {
                    for (i, binding) in list?.iter().enumerate() {
                        let ty = match binding.which()? {
                            brand::binding::Type(ty) => self.ty(ty?, outer)?,
                            brand::binding::Unbound(()) => Type::AnyPointer,
                        };
                        all.push((scope.get_scope_id(), i as u16, ty));
                    }
                }
            }
        }
        Ok(all)
    }
}

fn default_bits(value: value::Reader<'_>) -> capnp::Result<u64> {
    use value::Which as W;
    Ok(match value.which()? {
        W::Bool(v) => u64::from(v),
        W::Int8(v) => v as u64,
        W::Int16(v) => v as u64,
        W::Int32(v) => v as u64,
        W::Int64(v) => v as u64,
        W::Uint8(v) => u64::from(v),
        W::Uint16(v) | W::Enum(v) => u64::from(v),
        W::Uint32(v) => u64::from(v),
        W::Uint64(v) => v,
        W::Float32(v) => u64::from(v.to_bits()),
        W::Float64(v) => v.to_bits(),
        _ => 0,
    })
}
