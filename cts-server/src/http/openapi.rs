//! The OpenAPI 3.1 document, from the routes and the definitions of the tools.

use cts_core::tool::{self, Tool};
use serde_json::{Map, Value, json};

use super::routes::{ROUTES, Route};

/// Schemas of answers and bodies; what tools take is added from their definitions.
const SCHEMAS: &str = include_str!("schemas.json");

/// The document.
pub(super) fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "CTS-Lite",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Runs the tools of the comma tools suite, each in a process of its own.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "key": { "type": "http", "scheme": "bearer", "description": "An API key or a JWT." },
                "header": { "type": "apiKey", "in": "header", "name": "X-API-Key" },
            },
        },
        "security": [{}, { "key": [] }, { "header": [] }],
    })
}

fn operation(route: &Route) -> Value {
    let mut responses = Map::new();
    let (media, schema) = route.reply;
    let content = json!({ media: { "schema": reference(schema) } });
    responses.insert(route.status.to_string(), json!({ "description": "Success", "content": content }));
    // Everything may be refused by the gate or a disk.
    let problem = json!({
        "description": "Problem", "content": { "application/problem+json": { "schema": reference("Problem") } },
    });
    for status in route.problems.iter().map(u16::to_string).chain(["default".to_owned()]) {
        responses.insert(status, problem.clone());
    }
    let mut operation = json!({
        "operationId": operation_id(route),
        "tags": [route.tag],
        "summary": route.summary,
        "parameters": parameters(route),
        "responses": responses,
    });
    if let Some(body) = route.body {
        operation["requestBody"] = json!({ "required": true, "content": body_content(body) });
    }
    operation
}

fn body_content(body: &str) -> Value {
    match body {
        "Bytes" => json!({ "application/octet-stream": { "schema": reference(body) } }),
        "UploadRequest" => json!({
            "application/json": { "schema": reference(body) },
            "multipart/form-data": { "schema": reference("UploadForm") },
        }),
        _ => json!({ "application/json": { "schema": reference(body) } }),
    }
}

fn parameters(route: &Route) -> Vec<Value> {
    let names = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.split_once('}'));
    let in_path = names.map(
        |(name, _)| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }),
    );
    let in_query = route.query.iter().map(|(name, kind, doc)| {
        let mut schema = json!({ "type": kind });
        if *kind == "integer" {
            (schema["minimum"], schema["maximum"]) = (0.into(), u32::MAX.into());
        }
        json!({ "name": name, "in": "query", "description": doc, "schema": schema })
    });
    let mut all: Vec<Value> = in_path.chain(in_query).collect();
    let header = |name: &str, doc: &str| json!({ "name": name, "in": "header", "description": doc, "schema": { "type": "string" } });
    match (route.method, route.path) {
        ("POST", "/v1/runs") => all.push(header("Idempotency-Key", "Equal for repetitions of one request")),
        ("POST", "/v1/downloads") => {
            all.push(header("Idempotency-Key", "Equal for repetitions of one request"));
            all.push(header("Prefer", "`respond-async`: answer at once; `wait=N`: after N seconds at most"));
        }
        (_, "/v1/runs/{run_id}/logs") => {
            all.push(header("Last-Event-ID", "Number of the last line that was seen"))
        }
        ("PUT", _) => all.push(header("Content-Range", "`bytes FIRST-LAST/SIZE` for a part")),
        (_, path) if path.starts_with("/v1/artifacts/") => all.push(header("Range", "`bytes=FIRST-LAST`")),
        _ => {}
    }
    all
}

fn operation_id(route: &Route) -> String {
    let words = route.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let path: Vec<&str> = words.collect();
    format!("{}_{}", route.method.to_lowercase(), path.join("_"))
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn schemas() -> Value {
    let mut schemas: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    let names: Vec<&str> = tool::ALL.iter().map(|tool| tool.name).collect();
    schemas["RunRequest"]["properties"]["tool_id"]["examples"] = json!(names);
    let mut any = Vec::new();
    for tool in tool::ALL {
        let name = format!("Params-{}", tool.name);
        schemas[&name] = params(tool);
        any.push(reference(&name));
    }
    // Values may also be given as texts, so that the schemas of the tools say more than they demand.
    any.push(json!({ "type": "object" }));
    schemas["RunRequest"]["properties"]["params"]["anyOf"] = any.into();
    schemas
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
    fn operations_have_ids_of_their_own() {
        let mut ids: Vec<String> = ROUTES.iter().map(operation_id).collect();
        ids.sort();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
