//! Which messages stop, and what the safety code says of it.

use super::{Age, Findings, MAX_PANDAS, Message, Monitor, PandaState, Seen, Sights};
use crate::can::Bus;

/// Follows all received messages and the flag `safetyRxChecksInvalid` of each panda.
#[derive(Clone, Debug)]
pub struct RxTrace {
    watch: Vec<Message>,
    sights: Sights,
    /// The flag of each panda; `None` while it was not seen.
    invalid: Vec<Option<bool>>,
    /// The latest time so far.
    now: u64,
}

impl RxTrace {
    /// Reports the ages of `watch`; a message is silent after `limit` ns.
    pub fn new(watch: Vec<Message>, limit: u64) -> Self {
        Self { watch, sights: Sights::new(limit), invalid: Vec::new(), now: 0 }
    }

    /// The watched messages.
    pub fn watch(&self) -> &[Message] {
        &self.watch
    }

    /// What was seen of all messages.
    pub fn sights(&self) -> &Sights {
        &self.sights
    }

    fn report(&self, panda: usize, was: Option<bool>, state: &PandaState) -> Seen {
        let age = |message: &Message| {
            Age::new(*message, self.sights.get(*message).map(|sight| sight.last), self.now)
        };
        let silent = self.sights.silent(self.now);
        Seen::RxChecks {
            panda,
            invalid: state.flag("safetyRxChecksInvalid"),
            was,
            safety_model: state.text("safetyModel"),
            safety_param: state.number("safetyParam"),
            controls_allowed: state.flag("controlsAllowed"),
            rx_invalid: state.number("safetyRxInvalid"),
            ages: self.watch.iter().map(age).collect(),
            silent: silent
                .into_iter()
                .filter(|one| usize::from(Bus(one.message.bus).panda()) == panda)
                .collect(),
        }
    }
}

impl Monitor for RxTrace {
    fn time(&mut self, at: u64, out: &mut Findings) {
        self.now = self.now.max(at);
        for (due, silence) in self.sights.overdue(self.now) {
            out.push(due, Seen::Silent(silence));
        }
    }

    fn frame(&mut self, at: u64, message: Message, out: &mut Findings) {
        // What panda returned or refused says nothing about what it receives.
        if !Bus(message.bus).is_received() {
            return;
        }
        if let Some(silence) = self.sights.see(at, message) {
            out.push(at, Seen::Back(silence));
        }
    }

    fn pandas(&mut self, at: u64, states: &[PandaState], out: &mut Findings) {
        self.invalid.resize(self.invalid.len().max(states.len().min(MAX_PANDAS)), None);
        for (panda, state) in states.iter().enumerate().take(MAX_PANDAS) {
            let (was, invalid) = (self.invalid[panda], state.flag("safetyRxChecksInvalid"));
            if was.map_or(invalid, |was| was != invalid) {
                out.push(at, self.report(panda, was, state));
            }
            self.invalid[panda] = Some(invalid);
        }
    }

    fn finish(&mut self, _: &mut Findings) {}
}
