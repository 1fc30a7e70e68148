//! What the service tells of runs and artifacts.

use serde_json::Value;

use super::{Error, Problem, Result};

/// A run, as the service describes it.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Run(pub(crate) Value);

impl Run {
    /// A text of the run; empty if there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_default()
    }

    /// Its id.
    ///
    /// # Errors
    /// `bad-answer`.
    pub(crate) fn id(&self) -> Result<&str> {
        let id = self.0["run_id"].as_str().or_else(|| self.0["id"].as_str());
        id.ok_or_else(|| Error::answer("a run", "it has no run_id"))
    }

    pub(crate) fn status(&self) -> &str {
        self.text("status")
    }

    /// Whether nothing will change any more.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.status(), "completed" | "failed" | "canceled")
    }

    /// From 0 to 100.
    pub(crate) fn progress(&self) -> Option<f64> {
        self.0["progress"].as_f64()
    }

    /// Why it failed.
    pub(crate) fn problem(&self) -> Problem {
        let details = &self.0["error_details"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let category = text(&self.0["error_category"]);
        Problem {
            status: 0,
            code: text(&details["code"])
                .or_else(|| category.clone())
                .unwrap_or_else(|| "run-failed".to_owned()),
            category,
            message: text(&self.0["error"]).unwrap_or_else(|| "the run failed".to_owned()),
            fix: text(&details["suggested_fix"]),
            request_id: None,
            retry_after: None,
        }
    }
}

/// A file that a run has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Artifact {
    pub(crate) id: String,
    /// A plain file name.
    pub(crate) name: String,
    pub(crate) bytes: Option<u64>,
    pub(crate) content_type: String,
    /// In hex, lower case.
    pub(crate) sha256: Option<String>,
}

impl Artifact {
    /// Reads either spelling of the fields.
    ///
    /// # Errors
    /// `bad-answer` for one without id, or whose name leads elsewhere than into the target directory.
    pub(crate) fn of(value: &Value) -> Result<Self> {
        let text = |a: &str, b: &str| value[a].as_str().or_else(|| value[b].as_str()).map(str::to_owned);
        let id = text("id", "artifact_id").ok_or_else(|| Error::answer("an artifact", "it has no id"))?;
        let name = text("filename", "name").unwrap_or_default();
        if !is_plain(&name) {
            return Err(Error::answer("an artifact", format!("{name:?} is not a plain file name")));
        }
        let size = &value["size"];
        Ok(Self {
            id,
            name,
            bytes: size.as_u64().or_else(|| value["size_bytes"].as_u64()),
            content_type: text("type", "content_type").unwrap_or_default(),
            sha256: value["sha256"].as_str().map(str::to_ascii_lowercase),
        })
    }
}

/// Whether a name means a file in the directory where it is put, on every system.
fn is_plain(name: &str) -> bool {
    let strange = |c: char| c.is_control() || "/\\:".contains(c);
    !name.is_empty() && name != "-" && !name.starts_with('.') && name.len() <= 255 && !name.contains(strange)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_spellings_of_artifacts_are_read() {
        let list = json!({"id": "1", "filename": "a.csv", "size": 3, "type": "text/csv"});
        let single =
            json!({"artifact_id": "1", "filename": "a.csv", "size_bytes": 3, "content_type": "text/csv"});
        assert_eq!(Artifact::of(&list).unwrap(), Artifact::of(&single).unwrap());
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["", "-", ".", "..", "../a", "a/b", "a\\b", "c:a", ".bashrc", "a\nb"] {
            let error = Artifact::of(&json!({"id": "1", "filename": name})).unwrap_err();
            assert_eq!(error.code(), "bad-answer", "{name:?}");
        }
    }
}
