//! Puts the layers over one another.

use std::path::{Path, PathBuf};

use cts_core::error::nearest;

use super::fields::{Config, FIELDS, Field, field};
use super::problem::{Level, Origin, Problem, Problems};
use super::source::Sources;
use super::values::{Environment, Raw, Value};
use super::{checks, dotenv, settle, toml_file};

/// Variables of other programs of the suite, and those that are no settings.
const FOREIGN: &[&str] =
    &["CTS_API_KEY", "CTS_BIN", "CTS_CONFIG", "CTS_CONFIG_WARN_ON_BAD_ENV", "CTS_LITE_URL", "CTS_URL"];

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// Where each comes from, in the order of [`FIELDS`].
    origins: Vec<Origin>,
    /// What should be looked at, though it does not keep the service from starting.
    pub warnings: Vec<Problem>,
    /// The TOML file that was read.
    pub file: Option<PathBuf>,
}

impl Loaded {
    /// Where the value of `field` comes from.
    pub fn origin(&self, field: &Field) -> &Origin {
        origin(&self.origins, field)
    }

    pub(super) fn hold(&mut self, field: &Field, old: &Self) {
        self.config.take(field, &old.config);
        if let Some(i) = index(field) {
            self.origins[i].clone_from(&old.origins[i]);
        }
    }
}

fn index(field: &Field) -> Option<usize> {
    FIELDS.iter().position(|f| f.name == field.name)
}

fn origin<'a>(origins: &'a [Origin], field: &Field) -> &'a Origin {
    index(field).and_then(|i| origins.get(i)).unwrap_or(&Origin::Default)
}

/// The values so far, while the layers are applied.
pub(super) struct Layers {
    pub(super) config: Config,
    origins: Vec<Origin>,
    problems: Vec<Problem>,
    secret_file: Option<PathBuf>,
}

impl Layers {
    fn new() -> Self {
        let mut layers = Self {
            config: Config::blank(),
            origins: vec![Origin::Default; FIELDS.len()],
            problems: Vec::new(),
            secret_file: None,
        };
        for field in FIELDS {
            layers.set(field, Raw::Text(field.default), Origin::Default);
        }
        layers
    }

    pub(super) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Remembers that a file holds a secret in the open.
    pub(super) fn secret_file(&mut self, path: &Path) {
        self.secret_file = Some(path.to_owned());
    }

    /// Where the value of the field of that name comes from.
    pub(super) fn origin(&self, name: &str) -> Origin {
        field(name).map_or(Origin::Default, |field| origin(&self.origins, field).clone())
    }

    /// The file that holds a secret in the open.
    pub(super) fn file_with_secret(&self) -> Option<&Path> {
        self.secret_file.as_deref()
    }

    /// Sets `field`; a value it does not accept is an error.
    pub(super) fn set(&mut self, field: &Field, raw: Raw<'_>, origin: Origin) {
        if let Err(problem) = self.try_set(field, raw, origin) {
            self.problem(problem);
        }
    }

    fn try_set(&mut self, field: &Field, raw: Raw<'_>, origin: Origin) -> Result<(), Problem> {
        match self.config.set(field, raw) {
            Ok(()) => {
                if let Some(i) = index(field) {
                    self.origins[i] = origin;
                }
                Ok(())
            }
            Err(wrong) => {
                let got = if field.secret { super::MASK } else { &wrong.got };
                Err(Problem::error(format!("`{}` must be {}, not {got}", field.name, wrong.expected))
                    .at(origin))
            }
        }
    }

    /// As [`Layers::set`], but a bad value leaves the lower layer's and is a warning: one mistyped variable must not
    /// take a service down, as it did not in the service that this one replaces.
    fn set_leniently(&mut self, field: &Field, text: &str, origin: Origin, warn: bool) {
        let Err(problem) = self.try_set(field, Raw::Text(text), origin) else { return };
        if warn {
            let kept = if field.secret {
                super::MASK.to_owned()
            } else {
                super::show::plain(&self.config.json(field))
            };
            let kept = if kept.is_empty() { "nothing".to_owned() } else { format!("`{kept}`") };
            let message = format!("{}; {kept} is kept", problem.message);
            self.problem(Problem { level: Level::Warning, message, ..problem });
        }
    }
}

/// A variable, from wherever.
struct Variable {
    name: String,
    value: String,
    origin: Origin,
}

/// Reads all layers and checks the whole.
///
/// # Errors
/// All problems at once, when one of them is an error.
pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
    let mut layers = Layers::new();
    let (dot_env, variables) = variables(&mut layers, sources);
    let find =
        |name: &str| variables.iter().chain(&dot_env).find(|v| v.name == name).map(|v| v.value.as_str());
    let path =
        sources.file.clone().or_else(|| find("CTS_CONFIG").filter(|p| !p.is_empty()).map(PathBuf::from));
    let file = path.as_ref().and_then(|path| match toml_file::text(path) {
        Ok(text) => Some((path.clone(), text)),
        Err(problem) => {
            layers.problem(problem);
            None
        }
    });
    let environment =
        environment(sources, &[&variables, &dot_env], file.as_ref().map(|(_, text)| text.as_str()));
    profile(&mut layers, environment);
    if let Some((path, text)) = &file {
        toml_file::apply(&mut layers, path, text);
    }
    let warn = find("CTS_CONFIG_WARN_ON_BAD_ENV") != Some("false");
    for layer in [&dot_env, &variables] {
        apply_variables(&mut layers, layer, warn);
    }
    for (name, text) in &sources.flags {
        if let Some(field) = field(name) {
            layers.set(field, Raw::Text(text), Origin::Flag(format!("--{}", field.name.replace('_', "-"))));
        }
    }
    settle::follow_base(&mut layers);
    settle::tell_unused(&mut layers);
    settle::directories(&mut layers, sources);
    checks::run(&mut layers);
    finish(layers, path)
}

fn finish(mut layers: Layers, file: Option<PathBuf>) -> Result<Loaded, Problems> {
    layers.problems.sort_by_key(|problem| problem.level == Level::Warning);
    if layers.problems.iter().any(|problem| problem.level == Level::Error) {
        return Err(Problems(layers.problems));
    }
    Ok(Loaded { config: layers.config, origins: layers.origins, warnings: layers.problems, file })
}

/// The variables of `.env` and of the process that start with `CTS_`.
fn variables(layers: &mut Layers, sources: &Sources) -> (Vec<Variable>, Vec<Variable>) {
    let (entries, problems) = sources.dot_env.as_deref().map_or_else(Default::default, dotenv::read);
    problems.into_iter().for_each(|problem| layers.problem(problem));
    let dot_env =
        entries.into_iter().map(|e| Variable { name: e.name, value: e.value, origin: e.origin }).collect();
    let process = sources.variables.iter().filter(|(name, _)| name.starts_with("CTS_"));
    let process = process.map(|(name, value)| Variable {
        name: name.clone(),
        value: value.clone(),
        origin: Origin::Variable(name.clone()),
    });
    (dot_env, process.collect())
}

/// The environment must be known before its profile is applied below everything else that may name it.
fn environment(sources: &Sources, variables: &[&Vec<Variable>], file: Option<&str>) -> Environment {
    let Some(field) = field("environment") else { return Environment::default() };
    let flags = sources.flags.iter().filter(|(name, _)| *name == field.name).map(|(_, text)| text.clone());
    let named = |layer: &&Vec<Variable>| {
        let find = |name: String| layer.iter().find(|v| v.name == name).map(|v| v.value.clone());
        field.variables().into_iter().filter_map(find).collect::<Vec<_>>()
    };
    let variables = variables.iter().flat_map(named);
    let file = file.and_then(toml_file::environment);
    let mut said = flags.chain(variables).chain(file);
    said.find_map(|text| Environment::from_text(text.trim(), field).ok()).unwrap_or_default()
}

fn profile(layers: &mut Layers, environment: Environment) {
    for field in FIELDS {
        if let Some(text) = field.profile(environment) {
            layers.set(field, Raw::Text(text), Origin::Profile(environment));
        }
    }
}

fn apply_variables(layers: &mut Layers, variables: &[Variable], warn: bool) {
    for field in FIELDS {
        let mut given =
            field.variables().into_iter().filter_map(|name| variables.iter().find(|v| v.name == name));
        let Some(first) = given.next() else { continue };
        // An empty variable is how compose files and units say "not set"; only lists and optional texts take it.
        if !(first.value.is_empty() && !field.default.is_empty() && !field.kind.starts_with("list")) {
            layers.set_leniently(field, &first.value, first.origin.clone(), warn);
        }
        for other in given.filter(|other| other.value != first.value) {
            let message =
                format!("`{}` is ignored, since `{}` is set to another value", other.name, first.name);
            layers.problem(Problem::warning(message).at(other.origin.clone()));
        }
    }
    for variable in variables.iter().filter(|variable| !is_known(&variable.name)) {
        let message = format!("`{}` is no setting; it is ignored", variable.name);
        let problem = Problem::warning(message).at(variable.origin.clone());
        let names: Vec<_> = FIELDS.iter().flat_map(Field::variables).collect();
        layers.problem(match nearest(&variable.name, names.iter().map(String::as_str)) {
            Some(near) => problem.remedy(format!("did you mean `{near}`?")),
            None => problem,
        });
    }
}

fn is_known(name: &str) -> bool {
    FOREIGN.contains(&name) || FIELDS.iter().any(|field| field.variables().iter().any(|v| v == name))
}
