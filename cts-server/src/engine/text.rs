//! Texts on their way to people.

use std::path::Path;

use serde_json::Value;

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

/// Removes the directory from all paths in it: nobody outside can use it.
pub(super) fn without_dir(text: &str, dir: &Path) -> String {
    text.replace(&format!("{}/", dir.display()), "")
}

/// As [`without_dir`], in all texts of a JSON value.
pub(super) fn json_without_dir(value: &mut Value, dir: &Path) {
    match value {
        Value::String(text) => *text = without_dir(text, dir),
        Value::Array(items) => items.iter_mut().for_each(|item| json_without_dir(item, dir)),
        Value::Object(map) => map.values_mut().for_each(|item| json_without_dir(item, dir)),
        _ => {}
    }
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
