//! What a caller may do.

use std::fmt;

/// One permission; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Look at one's runs, logs and artifacts.
    Read,
    /// Start, cancel and upload.
    Run,
    /// See everyone's runs and the configuration.
    Admin,
}

impl Scope {
    /// All, from the least.
    pub const ALL: [Self; 3] = [Self::Read, Self::Run, Self::Admin];

    /// The word as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Run => "run",
            Self::Admin => "admin",
        }
    }

    /// The scope of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The greatest scope of a caller; `None` is a caller who may do nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Option<Scope>);

impl Scopes {
    /// Everything.
    pub const ALL: Self = Self(Some(Scope::Admin));

    /// `scope` and those it includes.
    pub fn of(scope: Scope) -> Self {
        Self(Some(scope))
    }

    /// The known ones among words parted by blanks or commas; unknown words, which other services may use, give nothing.
    pub fn parse(text: &str) -> Self {
        let words = text.split([' ', ',']).map(str::trim);
        Self(words.filter_map(Scope::parse).max())
    }

    /// Whether `scope` is among them.
    pub fn allow(self, scope: Scope) -> bool {
        self.0.is_some_and(|greatest| greatest >= scope)
    }
}

impl fmt::Display for Scopes {
    /// `read run`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> =
            Scope::ALL.into_iter().filter(|scope| self.allow(*scope)).map(Scope::as_str).collect();
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greater_scopes_include_lesser_ones() {
        let allowed = |text: &str| Scope::ALL.map(|scope| Scopes::parse(text).allow(scope));
        assert_eq!(allowed("read"), [true, false, false]);
        assert_eq!(allowed("run"), [true, true, false]);
        assert_eq!(allowed("read,admin"), [true; 3]);
        assert_eq!(allowed("openid profile Admin"), [false; 3]);
        assert_eq!(Scopes::parse("run").to_string(), "read run");
    }
}
