//! The OpenAPI 3.1 document, from the routes, the types of bodies and the definitions of the tools.

use cts_core::tool::{self, Tool};
use serde_json::{Value, json};
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HttpMethod, InfoBuilder, OpenApiBuilder, Paths, Required,
    ResponseBuilder,
};

use super::problem::ProblemView;
use super::route::Route;
use super::routes::ROUTES;
use super::shape::{Schemas, Shape, json_as};

/// The form of everything that goes wrong.
const PROBLEM: Shape = json_as::<ProblemView<'_>>("application/problem+json");

/// The headings, in the order in which one needs them.
const TAGS: [(&str, &str); 7] = [
    ("runs", "Starting tools, waiting for them, reading their logs."),
    ("artifacts", "What runs wrote."),
    (
        "uploads",
        "Files for runs to read: announced, sent in one piece or several, finalized; or as one form.",
    ),
    ("monitors", "Tools that say what they see while they go on."),
    ("downloads", "Logs of comma connect."),
    ("health", "Whether the service is well."),
    ("service", "What the service is, what it can do, what it counts."),
];

/// The document.
pub(super) fn document() -> Value {
    let (mut paths, mut schemas) = (Paths::new(), Schemas::new());
    for route in ROUTES {
        paths.add_path_operation(route.path, vec![method(route)], operation(route, &mut schemas));
    }
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An API key or a JWT."));
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme("key", SecurityScheme::Http(bearer.build()))
        .security_scheme("header", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key"))));
    let about = "Runs the tools of the comma tools suite, each in a process of its own.";
    let info =
        InfoBuilder::new().title("CTS-Lite").version(env!("CARGO_PKG_VERSION")).description(Some(about));
    let tags = TAGS.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build());
    let none: [&str; 0] = [];
    let security = ["key", "header"].map(|name| SecurityRequirement::new(name, none));
    let document = OpenApiBuilder::new()
        .info(info.build())
        .tags(Some(tags))
        .paths(paths)
        .components(Some(components.build()))
        .security(Some([SecurityRequirement::default()].into_iter().chain(security)))
        .build();
    with_tools(serde_json::to_value(document).unwrap_or_default())
}

fn method(route: &Route) -> HttpMethod {
    match route.method {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn operation(route: &Route, schemas: &mut Schemas) -> OperationBuilder {
    let content = |shape: &Shape, schemas: &mut Schemas| {
        ContentBuilder::new().schema(Some(shape.schema(schemas))).build()
    };
    let success = ResponseBuilder::new()
        .description("Success")
        .content(route.reply.media, content(&route.reply, schemas))
        .build();
    let part = ResponseBuilder::from(success.clone()).description("The part that was asked for");
    let mut operation = OperationBuilder::new()
        .operation_id(Some(operation_id(route)))
        .tag(route.tag())
        .summary(Some(route.summary))
        .response(route.status.to_string(), success);
    if route.headers.iter().any(|(name, _)| *name == "Range") {
        operation = operation
            .response("206", part)
            .response("304", ResponseBuilder::new().description("Nothing has changed"));
    }
    // Everything may be refused by the gate or a disk.
    for status in route.problems.iter().map(u16::to_string).chain(["default".to_owned()]) {
        let problem =
            ResponseBuilder::new().description("Problem").content(PROBLEM.media, content(&PROBLEM, schemas));
        operation = operation.response(status, problem);
    }
    if !route.bodies.is_empty() {
        let bodies = RequestBodyBuilder::new().required(Some(Required::True));
        let bodies = route
            .bodies
            .iter()
            .fold(bodies, |bodies, shape| bodies.content(shape.media, content(shape, schemas)));
        operation = operation.request_body(Some(bodies.build()));
    }
    parameters(route).into_iter().fold(operation, |operation, parameter| operation.parameter(parameter))
}

fn parameters(route: &Route) -> Vec<ParameterBuilder> {
    let parameter = |place, name: &str, kind: &str| {
        let schema = match kind {
            "integer" => {
                ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(u32::MAX))
            }
            _ => ObjectBuilder::new().schema_type(Type::String),
        };
        ParameterBuilder::new().name(name).parameter_in(place).schema(Some(schema))
    };
    let names = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.split_once('}'));
    let in_path =
        names.map(|(name, _)| parameter(ParameterIn::Path, name, "string").required(Required::True));
    let in_query = route.query.iter().map(|(name, kind, doc)| {
        parameter(ParameterIn::Query, name, kind).required(Required::False).description(Some(*doc))
    });
    let in_headers = route.headers.iter().map(|(name, doc)| {
        parameter(ParameterIn::Header, name, "string").required(Required::False).description(Some(*doc))
    });
    in_path.chain(in_query).chain(in_headers).collect()
}

fn operation_id(route: &Route) -> String {
    let words = route.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let path: Vec<&str> = words.collect();
    format!("{}_{}", route.method.to_lowercase(), path.join("_"))
}

/// Adds the parameters of each tool to what a run may be started with.
fn with_tools(mut document: Value) -> Value {
    let schemas = &mut document["components"]["schemas"];
    let names: Vec<&str> = tool::ALL.iter().map(|tool| tool.name).collect();
    // Values may also be given as texts, so that the schemas of the tools say more than they demand.
    let mut any = vec![json!({ "type": ["object", "null"] })];
    for tool in tool::ALL {
        let name = format!("Params-{}", tool.name);
        schemas[&name] = params(tool);
        any.push(json!({ "$ref": format!("#/components/schemas/{name}") }));
    }
    let request = &mut schemas["RunRequest"]["properties"];
    request["tool_id"]["examples"] = json!(names);
    request["params"] = json!({ "description": request["params"]["description"], "anyOf": any });
    document
}

/// The parameters of a tool; its input may be given beside them.
fn params(tool: &Tool) -> Value {
    let mut schema = tool.schema();
    schema["title"] = format!("Parameters of {}", tool.name).into();
    schema["description"] = tool.summary.into();
    if let Some(required) = schema["required"].as_array_mut() {
        required.retain(|name| name != tool.input);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All references of a document.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn the_document_refers_to_what_it_has() {
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 30);
        for name in found {
            let pointer = name.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{name}");
        }
        assert!(document["components"]["schemas"]["Params-rlog-to-csv"]["properties"]["out"].is_object());
    }

    #[test]
    fn everything_is_said_of_a_route() {
        let document = document();
        let runs = &document["paths"]["/v1/runs"];
        let body = "/requestBody/content/application~1json/schema/$ref";
        assert_eq!(runs["post"].pointer(body).unwrap(), "#/components/schemas/RunRequest");
        let reply = "/responses/200/content/application~1json/schema";
        assert_eq!(runs["post"].pointer(reply).unwrap()["$ref"], "#/components/schemas/Run");
        assert_eq!(runs["get"].pointer(reply).unwrap()["items"]["$ref"], "#/components/schemas/Run");
        assert!(runs["post"]["responses"]["409"]["content"]["application/problem+json"].is_object());
        let limit = runs["get"]["parameters"].as_array().unwrap().iter().find(|p| p["name"] == "limit");
        assert_eq!(limit.unwrap()["schema"]["type"], "integer");
        let run = &document["components"]["schemas"]["Run"]["properties"];
        assert_eq!(run["completed_at"]["format"], "date-time");
        assert_eq!(run["status"]["$ref"], "#/components/schemas/Status");
    }

    #[test]
    fn operations_have_ids_of_their_own() {
        let mut ids: Vec<String> = ROUTES.iter().map(operation_id).collect();
        ids.sort();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all);
        let known = |route: &Route| TAGS.iter().any(|(name, _)| *name == route.tag());
        assert!(ROUTES.iter().all(known));
    }
}
