use proptest::prelude::*;

use super::*;

const MS: u64 = 1_000_000;
const M: Message = Message { bus: 0, address: 0x119 };

fn drain(out: &mut Findings) -> Vec<(u64, Seen)> {
    out.drain().map(|finding| (finding.mono_time_ns, finding.seen)).collect()
}

fn state(fields: &[(&str, Scalar)]) -> PandaState {
    PandaState(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

/// The obvious twin of [`Sights`]: keeps all times of each message and looks at all of them at each step.
#[derive(Default)]
struct SlowSights(Vec<(Message, Vec<u64>, bool)>);

impl SlowSights {
    fn due(times: &[u64], least: u64) -> Option<u64> {
        // Periods: what lies between the frames, without the silences.
        let mut period = (0, times.len() as u64 - 1);
        let mut silences = 0;
        for n in 1..times.len() {
            let limit = Self::limit(&times[..n], least, silences);
            let gap = times[n] - times[n - 1];
            if n >= 10 && gap > limit { silences += gap } else { period.0 += gap }
        }
        (times.len() >= 10).then(|| times[times.len() - 1] + least.max(10 * (period.0 / period.1.max(1))))
    }

    fn limit(times: &[u64], least: u64, silences: u64) -> u64 {
        let all = times[times.len() - 1] - times[0] - silences;
        least.max(10 * (all / (times.len() as u64 - 1).max(1)))
    }

    fn see(&mut self, at: u64, message: Message) -> bool {
        let found = self.0.iter().position(|(m, ..)| *m == message);
        let index = found.unwrap_or_else(|| {
            self.0.push((message, Vec::new(), false));
            self.0.len() - 1
        });
        let (_, times, silent) = &mut self.0[index];
        times.push(at);
        std::mem::replace(silent, false)
    }

    fn overdue(&mut self, now: u64, least: u64) -> Vec<(u64, Message)> {
        let mut fallen = Vec::new();
        for (message, times, silent) in &mut self.0 {
            if let Some(due) = Self::due(times, least).filter(|due| !*silent && now > *due) {
                *silent = true;
                fallen.push((due, *message));
            }
        }
        fallen.sort();
        fallen
    }
}

proptest! {
    /// Any traffic: silences begin and end as in the twin, which does not skip walks.
    #[test]
    fn silences_are_those_of_the_obvious_twin(
        steps in prop::collection::vec((prop_oneof![8 => 0u64..40, 1 => 900u64..1200, 1 => 0u64..5000], 0u32..3, 0u32..3), 0..400)
    ) {
        let (mut fast, mut slow, mut now) = (Sights::new(1000 * MS), SlowSights::default(), 0);
        for (pause, first, second) in steps {
            now += pause * MS;
            let fallen: Vec<_> = fast.overdue(now).into_iter().map(|(due, one)| (due, one.message)).collect();
            prop_assert_eq!(&fallen, &slow.overdue(now, 1000 * MS));
            for address in [first, second] {
                let message = Message { bus: 0, address };
                prop_assert_eq!(fast.see(now, message).is_some(), slow.see(now, message));
            }
        }
    }

    /// Any traffic, also back in time: the samples hold every frame once, and their bounds touch.
    #[test]
    fn samples_hold_every_frame_once(
        frames in prop::collection::vec((0u64..20_000, 0u32..4, 0u8..3), 1..200), sample in 0u64..3000
    ) {
        let (mut check, mut out) = (BusCheck::new(vec![0, 1], vec![], sample * MS), Findings::default());
        for (at, address, bus) in &frames {
            let at = 40_000 * MS + at * MS;
            out.begin(at);
            check.time(at, &mut out);
            check.frame(at, Message { bus: *bus, address: *address }, &mut out);
        }
        check.finish(&mut out);
        let (mut all, mut end) = (0, 0.0);
        for (_, seen) in drain(&mut out) {
            let Seen::CanCounts { from_s, to_s, frames, empty_before, .. } = seen else { panic!("{seen:?}") };
            prop_assert!((from_s - end - empty_before as f64 * sample as f64 / 1e3).abs() < 1e-6);
            prop_assert!(to_s >= from_s);
            (all, end) = (all + frames, to_s);
        }
        prop_assert_eq!(all, frames.len() as u64);
        for count in check.totals() {
            let wanted = frames.iter().filter(|(_, a, b)| (*a, *b) == (count.address, count.bus)).count();
            prop_assert_eq!(count.frames, wanted as u64);
        }
    }

    /// A list of states: the changes, applied to the first state, give the last one.
    #[test]
    fn changes_lead_from_the_first_state_to_the_last(
        states in prop::collection::vec((any::<bool>(), 0i64..3, prop::option::of(0i64..2), 0i64..100), 1..40)
    ) {
        let (mut watch, mut out) = (PandaWatch::new(), Findings::default());
        let (mut now, mut last) = (PandaState::default(), PandaState::default());
        for (controls, model, fork, uptime) in states {
            let mut fields = vec![
                ("controlsAllowed", Scalar::Bool(controls)),
                ("safetyModel", Scalar::Int(model)),
                ("uptime", Scalar::Int(uptime)),
            ];
            fields.extend(fork.map(|value| ("fork", Scalar::Int(value))));
            last = state(&fields);
            watch.pandas(0, std::slice::from_ref(&last), &mut out);
            for (_, seen) in drain(&mut out) {
                match seen {
                    Seen::Panda { state, .. } => now = state,
                    Seen::PandaChange { field, from, to, .. } => {
                        prop_assert_ne!(&from, &to);
                        prop_assert_eq!(now.get(&field), from.as_ref());
                        now.0.retain(|(name, _)| *name != field);
                        now.0.extend(to.map(|to| (field, to)));
                    }
                    Seen::PandaReset { from_s, to_s, .. } => prop_assert!(to_s < from_s),
                    other => panic!("{other:?}"),
                }
            }
        }
        for name in ["controlsAllowed", "safetyModel", "fork"] {
            prop_assert_eq!(now.get(name), last.get(name));
        }
    }
}

#[test]
fn only_the_pandas_own_received_messages_are_suspects() {
    let (mut trace, mut out) =
        (RxTrace::new(vec![M, Message { bus: 1, address: 1 }], 1000 * MS), Findings::default());
    let others = [Message { bus: 4, address: 2 }, Message { bus: 128, address: 3 }];
    let mut now = 0;
    for _ in 0..50 {
        now += 10 * MS;
        trace.time(now, &mut out);
        others.iter().chain([&M]).for_each(|message| trace.frame(now, *message, &mut out));
    }
    let last = now;
    now += 1500 * MS;
    trace.time(now, &mut out);
    let fallen = drain(&mut out);
    assert_eq!(fallen.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [last + 1000 * MS; 2]);
    let flag = state(&[
        ("safetyRxChecksInvalid", Scalar::Bool(true)),
        ("safetyModel", Scalar::Text("subaru".into())),
    ]);
    trace.pandas(now, &[flag.clone(), flag.clone()], &mut out);
    let checks = drain(&mut out);
    let [(_, Seen::RxChecks { was, ages, silent, .. }), (_, Seen::RxChecks { silent: second, .. })] =
        &checks[..]
    else {
        panic!("{checks:?}")
    };
    assert_eq!((*was, ages[0].age_s, ages[1].age_s), (None, Some(1.5), None));
    assert_eq!((silent.len(), silent[0].message, second[0].message), (1, M, others[0]));
    trace.pandas(now, &[flag.clone(), flag], &mut out);
    assert_eq!(drain(&mut out), [], "told once");
    trace.frame(now, M, &mut out);
    assert!(matches!(&drain(&mut out)[..], [(at, Seen::Back(one))] if *at == now && one.silent_s == 1.5));
}

#[test]
fn hostile_streams_stay_small() {
    let (mut trace, mut out) = (RxTrace::new(vec![], 1), Findings::default());
    for address in 0..3 * MAX_MESSAGES as u32 {
        trace.frame(0, Message { bus: 0, address }, &mut out);
    }
    assert_eq!((trace.sights().len(), trace.sights().untracked()), (MAX_MESSAGES, 2 * MAX_MESSAGES as u64));
    trace.pandas(0, &vec![PandaState::default(); 1000], &mut out);
    let (mut check, mut out) = (BusCheck::new(vec![1], vec![], 1), Findings::default());
    for at in [0, u64::MAX / 2, u64::MAX - 1, 5] {
        check.time(at, &mut out);
    }
    check.finish(&mut out);
    assert!(drain(&mut out).len() < 5);
}

#[test]
fn findings_are_lines_of_json() {
    let mut out = Findings::default();
    out.begin(500 * MS);
    let silence = Silence { message: M, last_mono_time_ns: 7, silent_s: 1.5, limit_s: 1.0 };
    out.push(2000 * MS, Seen::Back(silence));
    let line = serde_json::to_string(&out.drain().next().unwrap()).unwrap();
    let data = r#"{"bus":0,"address":"0x119","last_mono_time_ns":7,"silent_s":1.5,"limit_s":1.0}"#;
    assert_eq!(line, format!(r#"{{"mono_time_ns":2000000000,"seconds":1.5,"type":"back","data":{data}}}"#));
    assert_eq!(out.counts()["back"], 1);
}
