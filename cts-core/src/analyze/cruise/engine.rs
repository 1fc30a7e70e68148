//! Frames and samples in, outcome out, in one pass.
//!
//! Two readers walk the queue. The first runs a second behind the newest item, so that items out of order are mended,
//! and follows the tracks. The second runs behind it by the longest time after which a window or an interval can still
//! turn out to hold a frame, and counts frames and bits. So the memory is that of some seconds of frames, plus what was
//! found.

use rustc_hash::FxHashMap;

use super::bits::{MessageStats, Phase, Place};
use super::marker::{Marker, MarkerRule, Pairing};
use super::outcome::{Engaged, Outcome};
use super::queue::{Block, Item, Queue};
use super::span::{Span, Spans};
use super::spec::{Profile, Role, TrackSpec};
use super::track::{Tracks, main_track};
use crate::Result;
use crate::can::Bus;

/// How far items may be out of order, in ns.
const SLACK: u64 = 1_000_000_000;
/// How near a toggle must be to what cruise control did, in ns.
pub(super) const NEAR: u64 = 500_000_000;
/// A jump ahead of this size, in ns, is a damaged time and not the next event.
const JUMP: u64 = 3_600_000_000_000;

/// What to look for.
#[derive(Clone, Debug)]
pub struct Config {
    /// How markers are read.
    pub marker: MarkerRule,
    /// Whether only frames of engaged intervals count.
    pub filter: bool,
    /// How much wider the engaged intervals are made at both ends, in ns.
    pub margin: u64,
}

/// The engine, as the module describes it.
#[derive(Debug)]
pub struct Cruise {
    config: Config,
    queue: Queue,
    tracks: Option<(Profile, Tracks)>,
    pairing: Pairing,
    markers: Vec<Marker>,
    windows: Spans,
    /// When cruise control did something, in ns, ascending.
    acts: Vec<u64>,
    /// Engaged intervals so far: start, and end if it is over.
    engaged: Vec<(u64, Option<u64>)>,
    index: FxHashMap<(u8, u32), usize>,
    messages: Vec<MessageStats>,
    frames: u64,
    left_out: u64,
    filtered: u64,
    dropped: u64,
    first_t: Option<u64>,
}

impl Cruise {
    /// An engine that waits for its profile.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            queue: Queue::default(),
            tracks: None,
            pairing: Pairing::default(),
            markers: Vec::new(),
            windows: Spans::default(),
            acts: Vec::new(),
            engaged: Vec::new(),
            index: FxHashMap::default(),
            messages: Vec::new(),
            frames: 0,
            left_out: 0,
            filtered: 0,
            dropped: 0,
            first_t: None,
        }
    }

    /// Says which tracks to follow. Until then everything waits.
    ///
    /// # Errors
    /// `bad-param` for a signal that no payload can hold.
    pub fn follow(&mut self, profile: Profile) -> Result<()> {
        let tracks = Tracks::new(profile.tracks.clone())?;
        self.tracks = Some((profile, tracks));
        Ok(())
    }

    /// Whether the tracks are known.
    pub fn is_following(&self) -> bool {
        self.tracks.is_some()
    }

    /// Takes a frame of a `can` event. Those that were sent or rejected (bus 128 and up) are only counted: they are
    /// copies of others.
    pub fn frame(&mut self, t: u64, bus: u8, address: u32, data: &[u8]) {
        if !Bus(bus).is_received() {
            self.left_out += 1;
            return;
        }
        self.frames += 1;
        self.push(t, Item::Frame { bus, address, data });
    }

    /// Takes a sample of the source `id`.
    pub fn sample(&mut self, t: u64, id: u32, value: f64) {
        self.push(t, Item::Sample { id, value });
    }

    fn push(&mut self, t: u64, item: Item<'_>) {
        if self.first_t.is_some() && t > self.queue.newest.saturating_add(JUMP) {
            self.dropped += 1;
            return;
        }
        self.first_t.get_or_insert(t);
        if self.queue.push(t, item) && self.tracks.is_some() {
            let looked = self.queue.newest.saturating_sub(SLACK);
            self.advance(looked, looked.saturating_sub(self.delay()));
        }
    }

    /// How long after a frame it is known where it belongs.
    fn delay(&self) -> u64 {
        let rule = &self.config.marker;
        let marker = if rule.enabled { rule.pre.saturating_add(rule.timeout) } else { 0 };
        let margin = if self.config.filter { self.config.margin } else { 0 };
        NEAR.max(marker).max(margin)
    }

    fn advance(&mut self, look: u64, take: u64) {
        self.look(look);
        while let Some(block) = self.queue.take(take) {
            self.count(&block);
            self.queue.recycle(block);
        }
    }

    /// Follows the tracks up to `limit`.
    fn look(&mut self, limit: u64) {
        let Self { queue, tracks, pairing, markers, windows, config, .. } = self;
        let Some((_, tracks)) = tracks else { return };
        while let Some(block) = queue.look(limit) {
            let (mut left, mut right, mut cruise) = (false, false, false);
            for item in block.items() {
                let rose = match item {
                    Item::Frame { bus, address, data } => tracks.frame(block.t, bus, address, data),
                    Item::Sample { id, value } => tracks.sample(block.t, id, value),
                };
                left |= rose.left;
                right |= rose.right;
                cruise |= rose.cruise;
            }
            if cruise {
                self.acts.push(block.t);
                note_engaged(tracks, block.t, &mut self.engaged);
            } else if self.engaged.is_empty() {
                note_engaged(tracks, block.t, &mut self.engaged);
            }
            if config.marker.enabled
                && let Some(marker) = pairing.step(block.t, left, right, &config.marker)
            {
                windows.push(marker.window(&config.marker));
                markers.push(marker);
            }
        }
    }

    /// Counts the frames of a block whose place is known.
    fn count(&mut self, block: &Block) {
        let t = block.t;
        if self.config.filter && !is_engaged(&self.engaged, t, self.config.margin) {
            self.filtered += block.items().filter(|item| matches!(item, Item::Frame { .. })).count() as u64;
            return;
        }
        let window = self.windows.find(t).map(|window| window as u32);
        let begun = self.windows.as_slice().first().is_some_and(|first| first.start <= t);
        let phase = match (window, begun) {
            (Some(_), _) => Phase::Window,
            (None, true) => Phase::Post,
            (None, false) => Phase::Pre,
        };
        let next = self.acts.partition_point(|act| act.saturating_add(NEAR) < t);
        let near = self.acts.get(next).is_some_and(|act| act.saturating_sub(NEAR) <= t);
        let place = Place { phase, window, near };
        for item in block.items() {
            if let Item::Frame { bus, address, data } = item {
                let at = self.message(bus, address);
                self.messages[at].add(t, data, place);
            }
        }
    }

    fn message(&mut self, bus: u8, address: u32) -> usize {
        if let Some(at) = self.index.get(&(bus, address)) {
            return *at;
        }
        let specs = self.tracks.iter().flat_map(|(profile, _)| &profile.tracks);
        let followed = specs.filter_map(TrackSpec::bit).filter(|(of, _)| *of == address).map(|(_, bit)| bit);
        let at = self.messages.len();
        self.index.insert((bus, address), at);
        self.messages.push(MessageStats::new(bus, address, followed.collect()));
        at
    }

    /// Ends the input. `None` if no profile was given.
    pub fn finish(mut self) -> Option<Outcome> {
        self.queue.close();
        self.look(u64::MAX);
        let (first_t, last_t) = (self.first_t.unwrap_or_default(), self.queue.newest);
        let rule = self.config.marker;
        if rule.enabled
            && let Some(marker) = std::mem::take(&mut self.pairing).finish(last_t, &rule)
        {
            self.windows.push(marker.window(&rule));
            self.markers.push(marker);
        }
        self.advance(u64::MAX, u64::MAX);
        let whole_log = self.windows.as_slice().is_empty();
        self.messages.iter_mut().for_each(|message| message.finish(whole_log));
        self.messages.sort_by_key(|message| (message.address, message.bus));
        let (profile, tracks) = self.tracks?;
        if whole_log {
            self.windows.push(Span { start: first_t, end: last_t.max(first_t) });
        }
        let engaged = Engaged::of(&tracks.all, &profile.tracks, last_t, self.config.margin);
        Some(Outcome {
            profile,
            tracks: tracks.all,
            messages: self.messages,
            markers: self.markers,
            windows: self.windows,
            whole_log,
            engaged,
            filter: self.config.filter,
            first_t,
            last_t,
            frames: self.frames,
            left_out: self.left_out,
            filtered: self.filtered,
            late: self.queue.late + self.dropped,
        })
    }
}

/// The track that says whether cruise control or openpilot is engaged.
pub(super) fn engaged_track(all: &[super::Track], specs: &[TrackSpec]) -> Option<usize> {
    main_track(all, specs, Role::Engaged).or_else(|| main_track(all, specs, Role::CruiseActive))
}

fn note_engaged(tracks: &Tracks, t: u64, engaged: &mut Vec<(u64, Option<u64>)>) {
    let Some(at) = engaged_track(&tracks.all, tracks.specs()) else { return };
    let on = tracks.all[at].last != 0.0;
    match engaged.last_mut() {
        Some((_, end @ None)) if !on => *end = Some(t),
        Some((_, None)) => {}
        _ if on => engaged.push((t, None)),
        _ => {}
    }
}

fn is_engaged(engaged: &[(u64, Option<u64>)], t: u64, margin: u64) -> bool {
    let begun = engaged.partition_point(|(start, _)| start.saturating_sub(margin) <= t);
    let Some(at) = begun.checked_sub(1) else { return false };
    // With margins, the interval before may reach further than the next one's beginning, never than its end.
    engaged[at].1.is_none_or(|end| t <= end.saturating_add(margin))
}
