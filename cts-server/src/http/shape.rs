//! The forms of bodies, taken from the types that are written and read.

use std::borrow::Cow;

use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, Ref, RefOr, SchemaFormat};

/// A media type, and the form of what comes with it.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) media: &'static str,
    form: Form,
}

#[derive(Clone, Copy)]
enum Form {
    One(Named),
    List(Named),
    Text(&'static str),
    Bytes,
    /// A form with the field `file`.
    File,
    Any,
}

/// A type, by the functions that tell its schema.
#[derive(Clone, Copy)]
struct Named {
    name: fn() -> Cow<'static, str>,
    schema: fn() -> RefOr<Schema>,
    parts: fn(&mut Schemas),
}

/// Schemas with their names.
pub(super) type Schemas = Vec<(String, RefOr<Schema>)>;

/// JSON of that type.
pub(super) const fn json<T: ToSchema>() -> Shape {
    json_as::<T>("application/json")
}

/// JSON of that type, under a media type of its own.
pub(super) const fn json_as<T: ToSchema>(media: &'static str) -> Shape {
    Shape { media, form: Form::One(named::<T>()) }
}

/// A bare JSON list of that type.
pub(super) const fn list<T: ToSchema>() -> Shape {
    Shape { media: "application/json", form: Form::List(named::<T>()) }
}

/// Text; `doc` says of what form.
pub(super) const fn text(media: &'static str, doc: &'static str) -> Shape {
    Shape { media, form: Form::Text(doc) }
}

/// Bytes of any kind.
pub(super) const fn bytes(media: &'static str) -> Shape {
    Shape { media, form: Form::Bytes }
}

/// JSON that another standard describes.
pub(super) const ANY: Shape = Shape { media: "application/json", form: Form::Any };

/// A file as browsers send it.
pub(super) const FILE: Shape = Shape { media: "multipart/form-data", form: Form::File };

const fn named<T: ToSchema>() -> Named {
    Named { name: T::name, schema: T::schema, parts: T::schemas }
}

impl Shape {
    /// Whether it may have no end.
    pub(super) fn is_endless(&self) -> bool {
        self.media == "text/event-stream"
    }

    /// The schema; what it refers to is added to `known`.
    pub(super) fn schema(&self, known: &mut Schemas) -> RefOr<Schema> {
        match self.form {
            Form::One(named) => named.reference(known).into(),
            Form::List(named) => ArrayBuilder::new().items(named.reference(known)).into(),
            Form::Text(doc) => string().description(Some(doc)).into(),
            Form::Bytes => binary().into(),
            Form::File => ObjectBuilder::new().property("file", binary()).required("file").into(),
            Form::Any => Schema::Object(Object::default()).into(),
        }
    }
}

impl Named {
    fn reference(self, known: &mut Schemas) -> Ref {
        let name = (self.name)();
        known.push((name.to_string(), (self.schema)()));
        (self.parts)(known);
        Ref::from_schema_name(name)
    }
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn binary() -> ObjectBuilder {
    string().format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
}
