//! What surrounds a run: cancellation, progress, words, and where files go.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::artifact::{Artifact, ArtifactWriter};
use super::warning::Warning;
use crate::analyze::monitor::Finding;
use crate::log::{Batch, Completeness, Input, InputRecord, ReadOptions, Segment};
use crate::{ErrorKind, Result};

/// How far a run is, in bytes of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes done.
    pub done: u64,
    /// All bytes; `None` for pipes.
    pub total: Option<u64>,
}

impl Progress {
    /// From 0 to 1; `None` when the total is unknown.
    pub fn fraction(self) -> Option<f64> {
        let total = self.total.filter(|total| *total > 0)?;
        Some((self.done as f64 / total as f64).min(1.0))
    }
}

type OnProgress = Box<dyn Fn(Progress) + Send + Sync>;
type OnLog = Box<dyn Fn(&str) + Send + Sync>;
type OnArtifact = Box<dyn Fn(&Artifact) + Send + Sync>;
type OnFinding = Box<dyn Fn(&Finding) + Send + Sync>;
type Pace = Box<dyn Fn(Duration) -> Duration + Send + Sync>;

/// The surroundings of one run. One context serves one run.
#[derive(Default)]
pub struct Ctx {
    out_dir: PathBuf,
    confined: bool,
    search_dirs: Vec<PathBuf>,
    options: ReadOptions,
    cancel: Arc<AtomicBool>,
    on_progress: Option<OnProgress>,
    on_log: Option<OnLog>,
    on_artifact: Option<OnArtifact>,
    on_finding: Option<OnFinding>,
    pace: Option<Pace>,
    stdout: Mutex<Option<Box<dyn Write + Send>>>,
    inputs: Mutex<Vec<PathBuf>>,
    warnings: Mutex<Vec<Warning>>,
    artifacts: Mutex<Vec<Artifact>>,
}

impl Ctx {
    /// A context whose artifacts go to `out_dir`.
    pub fn new(out_dir: impl Into<PathBuf>) -> Self {
        Self { out_dir: out_dir.into(), ..Self::default() }
    }

    /// Searches routes in these directories.
    #[must_use]
    pub fn with_search_dirs(self, search_dirs: Vec<PathBuf>) -> Self {
        Self { search_dirs, ..self }
    }

    /// Reads logs with these options.
    #[must_use]
    pub fn with_options(self, options: ReadOptions) -> Self {
        Self { options, ..self }
    }

    /// Stops the run when `cancel` becomes true.
    #[must_use]
    pub fn with_cancel(self, cancel: Arc<AtomicBool>) -> Self {
        Self { cancel, ..self }
    }

    /// Reports how far the run is, at most once per batch of events.
    #[must_use]
    pub fn with_progress(self, on_progress: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { on_progress: Some(Box::new(on_progress)), ..self }
    }

    /// Reports in words what the run does, a line at a time.
    #[must_use]
    pub fn with_log(self, on_log: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { on_log: Some(Box::new(on_log)), ..self }
    }

    /// Reports each artifact when it is in its place.
    #[must_use]
    pub fn with_artifacts(self, on_artifact: impl Fn(&Artifact) + Send + Sync + 'static) -> Self {
        Self { on_artifact: Some(Box::new(on_artifact)), ..self }
    }

    /// Reports each finding of a monitor when it is made.
    #[must_use]
    pub fn with_findings(self, on_finding: impl Fn(&Finding) + Send + Sync + 'static) -> Self {
        Self { on_finding: Some(Box::new(on_finding)), ..self }
    }

    /// Lets a replay wait. `pace` is given the time since the start at which something is due; it may sleep for a
    /// moment and returns how long to wait still. See [`real_time`](super::real_time).
    #[must_use]
    pub fn with_pace(self, pace: impl Fn(Duration) -> Duration + Send + Sync + 'static) -> Self {
        Self { pace: Some(Box::new(pace)), ..self }
    }

    /// Puts every artifact into the output directory itself: of a name with directories the last part is taken.
    #[must_use]
    pub fn with_confined_outputs(self) -> Self {
        Self { confined: true, ..self }
    }

    /// Where an artifact named `-` goes. Without it, that name is refused.
    #[must_use]
    pub fn with_stdout(self, stdout: impl Write + Send + 'static) -> Self {
        Self { stdout: Mutex::new(Some(Box::new(stdout))), ..self }
    }

    /// Where artifacts go whose names are not absolute.
    pub fn out_dir(&self) -> &Path {
        &self.out_dir
    }

    /// Whether the run shall stop; tools ask once per batch.
    ///
    /// # Errors
    /// `canceled`.
    pub fn check(&self) -> Result<()> {
        match self.cancel.load(Ordering::Relaxed) {
            true => Err(ErrorKind::Canceled.into()),
            false => Ok(()),
        }
    }

    /// Reports how far the run is.
    pub fn progress(&self, progress: Progress) {
        if let Some(report) = &self.on_progress {
            report(progress);
        }
    }

    /// Reports a finding.
    pub fn finding(&self, finding: &Finding) {
        if let Some(report) = &self.on_finding {
            report(finding);
        }
    }

    /// Waits until `due` after the start, if anybody keeps the time.
    ///
    /// # Errors
    /// `canceled`.
    pub fn wait(&self, due: Duration) -> Result<()> {
        let Some(pace) = &self.pace else { return Ok(()) };
        while !pace(due).is_zero() {
            self.check()?;
        }
        Ok(())
    }

    /// Says a line.
    pub fn log(&self, line: &str) {
        if let Some(say) = &self.on_log {
            say(line);
        }
    }

    /// Records a warning.
    pub fn warn(&self, warning: Warning) {
        self.log(&format!("warning: {warning}"));
        lock(&self.warnings).push(warning);
    }

    /// The warnings so far.
    pub fn warnings(&self) -> Vec<Warning> {
        lock(&self.warnings).clone()
    }

    /// The finished artifacts so far.
    pub fn artifacts(&self) -> Vec<Artifact> {
        lock(&self.artifacts).clone()
    }

    /// The input that `text` names: see [`Input::resolve`].
    ///
    /// # Errors
    /// Those of [`Input::resolve`].
    pub fn open(&self, text: &str) -> Result<Input> {
        Ok(Input::resolve(text, None, &self.search_dirs)?.with_options(self.options.clone()))
    }

    /// Reads the input with progress and cancellation, and records its warnings. See [`Input::read`].
    ///
    /// # Errors
    /// Those of [`Input::read`]; `canceled`.
    pub fn read(
        &self,
        input: &mut Input,
        mut work: impl FnMut(&Segment, &Batch, &mut Completeness) -> Result<()>,
    ) -> Result<InputRecord> {
        self.protect(input);
        let (done, total) = (input.done_bytes(), input.total_bytes());
        let record = input.read(|segment, batch, record| {
            self.check()?;
            work(segment, batch, record)?;
            self.progress(Progress { done: done.load(Ordering::Relaxed), total });
            Ok(())
        })?;
        self.check()?;
        Warning::of(&record).into_iter().for_each(|warning| self.warn(warning));
        Ok(record)
    }

    /// Refuses artifacts that would replace a file of the input.
    pub fn protect(&self, input: &Input) {
        let paths = input.segments().filter_map(|segment| segment.path.as_ref()?.canonicalize().ok());
        lock(&self.inputs).extend(paths);
    }

    /// Starts an artifact: `name` is a path, within the output directory unless it is absolute, or `-`.
    ///
    /// # Errors
    /// `io`; `bad-param` for `-` where there is no standard output, and for a file of the input.
    pub fn artifact(&self, name: &str) -> Result<ArtifactWriter> {
        if name == "-" {
            let stdout = lock(&self.stdout).take();
            let writer = stdout.map(ArtifactWriter::direct);
            return writer.ok_or_else(|| refused(name, "a file name"));
        }
        let path = self.out_dir.join(self.confine(name)?);
        if path.canonicalize().is_ok_and(|real| lock(&self.inputs).contains(&real)) {
            return Err(refused(name, "another file than the input"));
        }
        ArtifactWriter::create(path)
    }

    /// The name within the output directory, where artifacts may lie nowhere else.
    fn confine<'a>(&self, name: &'a str) -> Result<&'a Path> {
        let path = Path::new(name);
        if !self.confined {
            return Ok(path);
        }
        let last = path.file_name().map(Path::new).ok_or_else(|| refused(name, "a file name"))?;
        if last != path {
            self.log(&format!("{name} is written as {}", last.display()));
        }
        Ok(last)
    }

    /// Puts an artifact in its place.
    ///
    /// # Errors
    /// `io`.
    pub fn finish(&self, writer: ArtifactWriter) -> Result<Artifact> {
        let artifact = writer.finish()?;
        self.log(&format!("wrote {} ({} bytes)", artifact.path.display(), artifact.bytes));
        lock(&self.artifacts).push(artifact.clone());
        if let Some(report) = &self.on_artifact {
            report(&artifact);
        }
        Ok(artifact)
    }
}

#[cold]
fn refused(name: &str, expected: &str) -> crate::Error {
    let (value, expected) = (name.to_owned(), expected.to_owned());
    ErrorKind::BadParam { name: "out".to_owned(), value, expected }.into()
}

/// Locks; a panic of another thread leaves these lists whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_artifacts_leave_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let ctx = Ctx::new(dir.path());
        let count = || std::fs::read_dir(dir.path()).unwrap().count();
        let mut writer = ctx.artifact("a.csv").unwrap();
        writer.put(b"half").unwrap();
        assert_eq!(count(), 1);
        drop(writer);
        assert_eq!((count(), ctx.artifacts().len()), (0, 0));

        let mut writer = ctx.artifact("sub/a.csv").unwrap();
        writer.put(b"whole").unwrap();
        let artifact = ctx.finish(writer).unwrap();
        assert_eq!((artifact.bytes, artifact.content_type), (5, "text/csv"));
        assert_eq!(std::fs::read(dir.path().join("sub/a.csv")).unwrap(), b"whole");
        assert_eq!(std::fs::read_dir(dir.path().join("sub")).unwrap().count(), 1);
    }

    #[test]
    fn inputs_and_directories_are_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.rlog");
        std::fs::write(&path, b"log").unwrap();
        let ctx = Ctx::new(dir.path());
        ctx.protect(&Input::open(&path).unwrap());
        assert_eq!(ctx.artifact("x.rlog").err().unwrap().code(), "bad-param");
        assert_eq!(ctx.artifact("-").err().unwrap().code(), "bad-param");
        assert_eq!(ctx.artifact(".").err().unwrap().code(), "io");
    }

    #[test]
    fn confined_artifacts_stay_in_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let ctx = Ctx::new(dir.path()).with_confined_outputs();
        for name in ["../a.csv", "/tmp/a.csv", "sub/a.csv", "a.csv"] {
            assert_eq!(ctx.artifact(name).unwrap().path(), dir.path().join("a.csv"), "{name}");
        }
        assert_eq!(ctx.artifact("..").err().unwrap().code(), "bad-param");
    }

    #[test]
    fn a_canceled_run_stops() {
        let cancel = Arc::new(AtomicBool::new(false));
        let ctx = Ctx::new("").with_cancel(Arc::clone(&cancel));
        assert!(ctx.check().is_ok());
        cancel.store(true, Ordering::Relaxed);
        assert_eq!(ctx.check().unwrap_err().code(), "canceled");
    }
}
