//! Texts on their way to people.

use std::path::Path;

use serde_json::Value;

use super::Engine;
use crate::failure::Failure;

/// Replaces brackets that the old client takes for markup: it drops `[word]` and stumbles over `[/word]`.
pub fn calm(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('[') {
        let (before, bracket) = rest.split_at(at);
        out.push_str(before);
        let markup =
            bracket[1..].starts_with(|c: char| c.is_ascii_lowercase() || matches!(c, '#' | '/' | '@'));
        match bracket.find(']').filter(|_| markup) {
            Some(end) => {
                out.push('(');
                out.push_str(&bracket[1..end]);
                out.push(')');
                rest = &bracket[end + 1..];
            }
            None => {
                out.push('[');
                rest = &bracket[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

impl Engine {
    /// The text without the directories of the service, which nobody outside can use; `id` is of a run or a monitor.
    pub(super) fn scrub(&self, id: &str, text: &str) -> String {
        without_dir(&without_dir(text, &self.0.layout.work(id)), self.0.layout.root())
    }

    /// As [`Engine::scrub`], in all texts of a JSON value.
    pub(super) fn scrub_json(&self, id: &str, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.scrub(id, text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.scrub_json(id, item)),
            Value::Object(map) => map.values_mut().for_each(|item| self.scrub_json(id, item)),
            _ => {}
        }
    }

    /// As [`Engine::scrub`], in all texts of a failure.
    pub(super) fn without_dirs(&self, id: &str, mut failure: Failure) -> Failure {
        failure.message = self.scrub(id, &failure.message);
        let details = &mut failure.details;
        let path = details.place.as_mut().and_then(|place| place.path.as_mut());
        for text in path.into_iter().chain(&mut details.tool_stderr) {
            *text = self.scrub(id, text);
        }
        failure
    }
}

fn without_dir(text: &str, dir: &Path) -> String {
    text.replace(&format!("{}/", dir.display()), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_calmed_and_the_rest_kept() {
        for (text, want) in [
            ("read [bold] and [/bold]", "read (bold) and (/bold)"),
            ("0x321:[4]&0x20 [X] a[", "0x321:[4]&0x20 [X] a["),
            ("[open", "[open"),
            ("", ""),
        ] {
            assert_eq!(calm(text), want);
        }
    }
}
