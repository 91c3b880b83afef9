//! Whatever stands in the journal, the answer is one harmless line.

use proptest::{collection::vec, prelude::*};

use super::*;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        Just("a\n\x1b[2J\u{202e}b".to_owned()),
        Just("x".repeat(5_000))
    ]
}

fn evidence() -> impl Strategy<Value = Evidence> {
    prop_oneof![
        (text(), any::<u64>()).prop_map(|(signal, ago_ms)| Evidence::Signal { signal, ago_ms }),
        (text(), text()).prop_map(|(signal, program)| Evidence::NotCaught { signal, program }),
        any::<u64>().prop_map(|after_ms| Evidence::StillRunning { after_ms }),
        text().prop_map(|program| Evidence::KeyHasNoEffect { program }),
        (any::<u32>(), any::<Option<u32>>()).prop_map(|(pid, code)| Evidence::ClientExited { pid, code }),
        text().prop_map(|policy| Evidence::RestartPolicy { policy }),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    prop_oneof![
        Just(Rule::K),
        Just(Rule::K2),
        Just(Rule::K3),
        Just(Rule::H),
        Just(Rule::T),
        Just(Rule::C1),
        Just(Rule::C4),
        Just(Rule::O),
        Just(Rule::X)
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        any::<Option<i64>>().prop_map(|timeout_s| Action::Stop { timeout_s }),
        Just(Action::Remove),
        Just(Action::LeftRunning),
        Just(Action::Cancelled),
        text().prop_map(Action::Failed),
    ]
}

fn record() -> impl Strategy<Value = LeaseRecord> {
    let why = prop_oneof![
        Just(EscalationReason::SignalUnheard),
        Just(EscalationReason::StillRunning),
        Just(EscalationReason::Asked),
        Just(EscalationReason::ClientGone)
    ];
    (text(), why, any::<u32>(), 0..5_u8).prop_map(|(container, why, press, kind)| match kind {
        0 => LeaseRecord::Interrupted { container, press },
        1 => LeaseRecord::ClientGone { container },
        2 => LeaseRecord::Detached { container },
        3 => LeaseRecord::Stopping {
            container,
            why,
            timeout_s: None,
        },
        _ => LeaseRecord::Killing { container, why },
    })
}

fn what() -> impl Strategy<Value = What> {
    let by = || {
        prop_oneof![
            Just(By::Caller),
            any::<u32>().prop_map(|pid| By::Client { pid }),
            Just(By::Guard)
        ]
    };
    prop_oneof![
        3 => Just(What::Started),
        3 => (any::<i64>(), any::<bool>()).prop_map(|(code, oom)| What::Exited { code, oom }),
        1 => (120..150_i64, any::<bool>()).prop_map(|(code, oom)| What::Exited { code, oom }),
        1 => Just(What::Created),
        1 => Just(What::Removed),
        1 => Just(What::Paused),
        1 => any::<u64>().prop_map(|limit_bytes| What::OutOfMemory { limit_bytes }),
        1 => (any::<u8>(), by()).prop_map(|(signal, by)| What::Signal { signal, by }),
        1 => (by(), any::<Option<i64>>()).prop_map(|(by, timeout_s)| What::StopAsked { by, timeout_s }),
        1 => by().prop_map(|by| What::Killed { by }),
        2 => (rule(), action(), vec(evidence(), 0..4), any::<Option<u32>>())
            .prop_map(|(rule, action, evidence, client_pid)| What::Guard { rule, action, evidence, client_pid }),
        2 => record().prop_map(|record| What::Lease { record }),
        1 => Just(What::HostAgentStarted),
        1 => Just(What::EngineLost),
        1 => Just(What::MachineStopping),
        1 => text().prop_map(|reason| What::MachineCrashed { reason }),
        1 => any::<u64>().prop_map(|for_ms| What::HostSlept { for_ms }),
    ]
}

proptest! {
    #[test]
    fn answer_to_any_journal_is_one_harmless_line(
        events in vec((prop_oneof![any::<i64>(), 0..100_000_i64], 0..3_u8, what()), 0..24),
        name in text(),
        running in any::<Option<bool>>(),
        now_ms in any::<i64>(),
    ) {
        let entries: Vec<Entry> = events
            .into_iter()
            .map(|(at_ms, whose, what)| entry(at_ms, ["", "c1", "c2"][usize::from(whose)], what))
            .collect();
        let subject = Subject { container: "c1".to_owned(), name, running };
        let answer = explain(&subject, &entries, now_ms);
        let harmless = |text: &str| !text.is_empty() && !text.chars().any(|c| c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c));
        prop_assert!(harmless(&answer.sentence), "{:?}", answer.sentence);
        prop_assert!(answer.sentence.len() <= MAX_SENTENCE_BYTES);
        for line in &answer.evidence {
            prop_assert!(harmless(&line.text), "{:?}", line.text);
        }
    }
}
