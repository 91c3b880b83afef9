//! Whatever happens in whatever order: whom the guard must never touch.

use proptest::prelude::*;

use super::fake::{Bench, FakeProcess, Foreground, facts, pass};
use crate::guard::{Attachment, ClosedBy, CreateFacts, GuardMode};

/// One observation, or a change of the container.
#[derive(Clone, Copy, Debug)]
enum Event {
    Signal(&'static str),
    Key,
    InputEnded,
    Closed(ClosedBy),
    Exited(Option<u32>),
    OtherAttaches,
    OtherLeaves,
    Catches(u64),
    Paused(bool),
    Reachable(bool),
    ContainerEnds,
    ContainerRunsAgain,
    Pass(u64),
}

fn signal() -> impl Strategy<Value = Event> {
    let names = vec![
        "INT", "INT", "SIGTERM", "3", "HUP", "CONT", "", "WINCH", "nonsense",
    ];
    proptest::sample::select(names).prop_map(Event::Signal)
}

fn death() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Closed(ClosedBy::Client)),
        prop_oneof![Just(None), Just(Some(0)), Just(Some(1)), Just(Some(0xC000_013A))]
            .prop_map(Event::Exited),
        Just(Event::InputEnded),
    ]
}

fn time() -> impl Strategy<Value = Event> {
    prop_oneof![Just(50_u64), Just(240), Just(1100), Just(2100), Just(11_000)].prop_map(Event::Pass)
}

fn container() -> impl Strategy<Value = Event> {
    prop_oneof![
        prop_oneof![Just(0), Just(2), Just(0x4002)].prop_map(Event::Catches),
        any::<bool>().prop_map(Event::Paused),
        any::<bool>().prop_map(Event::Reachable),
    ]
}

fn run_of_container() -> impl Strategy<Value = Event> {
    prop_oneof![Just(Event::ContainerEnds), Just(Event::ContainerRunsAgain)]
}

fn anything() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => signal(),
        1 => Just(Event::Key),
        3 => death(),
        1 => Just(Event::Closed(ClosedBy::Engine)),
        1 => Just(Event::Closed(ClosedBy::Endpoint)),
        1 => Just(Event::OtherAttaches),
        1 => Just(Event::OtherLeaves),
        2 => container(),
        1 => run_of_container(),
        4 => time(),
    ]
}

struct Stage {
    bench: Bench,
    run: Foreground,
    /// Taken when it is closed.
    own: Option<Attachment>,
    others: Vec<Attachment>,
    runs: u32,
}

impl Stage {
    async fn new(mode: GuardMode, line: &str, facts: CreateFacts) -> Self {
        let bench = Bench::new(mode);
        let process = FakeProcess::new(100, Some(line));
        let policy = facts.restart_policy.clone();
        bench.with(|world| world.container.restart_policy = policy);
        let mut run = bench.run_by(Some(process), facts).await;
        let spare = bench.other().attached(&"0".repeat(64), false);
        let own = Some(std::mem::replace(&mut run.attachment, spare));
        Self {
            bench,
            run,
            own,
            others: Vec::new(),
            runs: 1,
        }
    }

    async fn play(&mut self, event: Event) {
        match event {
            Event::Signal(signal) => self.run.sends(signal),
            Event::Key => self.own.iter().for_each(Attachment::interrupt_typed),
            Event::InputEnded => self.own.iter().for_each(Attachment::input_ended),
            Event::Closed(by) => {
                if let Some(own) = self.own.take() {
                    own.closed(by);
                }
            }
            Event::Exited(code) => self.run.exits(code),
            Event::OtherAttaches => self.others.push(self.bench.other().attached("web", true)),
            Event::OtherLeaves => {
                if let Some(other) = self.others.pop() {
                    other.closed(ClosedBy::Client);
                }
            }
            Event::Catches(caught) => self.bench.catches(caught),
            Event::Paused(paused) => self.bench.with(|world| world.container.paused = paused),
            Event::Reachable(reachable) => self.bench.with(|world| world.reachable = reachable),
            Event::ContainerEnds => self.bench.ends(),
            Event::ContainerRunsAgain => {
                self.bench.ends();
                self.runs += 1;
                self.bench.begin(&format!("run {}", self.runs));
            }
            Event::Pass(ms) => pass(ms).await,
        }
    }

    async fn play_all(&mut self, events: &[Event]) {
        for event in events {
            self.play(*event).await;
        }
        pass(120_000).await;
    }
}

fn check(work: impl Future<Output = Result<(), TestCaseError>>) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(work)
}

fn labelled(label: &str, value: &str, tty: bool) -> CreateFacts {
    CreateFacts {
        labels: [(label.to_owned(), value.to_owned())].into(),
        ..facts(tty)
    }
}

/// A session that is exempt, each for another reason: command line, and what was asked for.
fn exempt(tty: bool) -> impl Strategy<Value = (&'static str, CreateFacts)> {
    let by_agent = CreateFacts {
        user_agent: "Go-http-client/1.1".into(),
        ..facts(tty)
    };
    let by_policy = CreateFacts {
        restart_policy: "always".into(),
        ..facts(tty)
    };
    let detached = CreateFacts {
        attached: false,
        ..facts(tty)
    };
    let plain = "docker run web";
    proptest::sample::select(vec![
        ("docker run --sig-proxy=false web", facts(tty)),
        (plain, by_agent),
        (plain, by_policy),
        (plain, detached),
        (plain, labelled("com.docker.compose.project", "x", tty)),
        (plain, labelled("com.docker.swarm.task", "x", tty)),
        (plain, labelled("devcontainer.local_folder", "x", tty)),
        (plain, labelled("vsch.quality", "x", tty)),
        (plain, labelled("pinnace.on-client-exit", "ignore", tty)),
    ])
}

fn events(of: impl Strategy<Value = Event>) -> impl Strategy<Value = Vec<Event>> {
    proptest::collection::vec(of, 0..16)
}

fn mode() -> impl Strategy<Value = GuardMode> {
    proptest::sample::select(vec![GuardMode::Signals, GuardMode::Foreground, GuardMode::Strict])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn exempt_session_is_never_touched(
        (line, facts) in any::<bool>().prop_flat_map(exempt),
        mode in mode(),
        events in events(anything()),
    ) {
        check(async {
            let mut stage = Stage::new(mode, line, facts).await;
            stage.play_all(&events).await;
            prop_assert!(stage.bench.is_untouched());
            Ok(())
        })?;
    }

    #[test]
    fn container_with_two_attachments_survives_one_clients_death(
        tty: bool,
        mode in mode(),
        before in events(prop_oneof![time(), container()]),
        deaths in events(prop_oneof![death(), time(), container()]),
    ) {
        check(async {
            let mut stage = Stage::new(mode, "docker run web", facts(tty)).await;
            stage.play(Event::OtherAttaches).await;
            for event in before {
                stage.play(event).await;
            }
            stage.play_all(&deaths).await;
            prop_assert!(stage.bench.is_untouched());
            Ok(())
        })?;
    }

    #[test]
    fn mode_off_never_acts(tty: bool, events in events(anything())) {
        check(async {
            let mut stage = Stage::new(GuardMode::Off, "docker run web", facts(tty)).await;
            stage.play_all(&events).await;
            stage.bench.assert_quiet();
            Ok(())
        })?;
    }

    #[test]
    fn stream_ended_by_engine_or_endpoint_alone_never_acts(
        tty: bool,
        mode in mode(),
        by_engine: bool,
        code in prop_oneof![Just(None), Just(Some(0)), Just(Some(1))],
        events in events(prop_oneof![time(), container()]),
    ) {
        check(async {
            let by = if by_engine { ClosedBy::Engine } else { ClosedBy::Endpoint };
            let mut stage = Stage::new(mode, "docker run web", facts(tty)).await;
            let mut all = vec![Event::Closed(by)];
            all.extend(events);
            // A client whose stream was cut ends too.
            all.push(Event::Exited(code));
            stage.play_all(&all).await;
            prop_assert!(stage.bench.is_untouched());
            Ok(())
        })?;
    }

    #[test]
    fn container_is_stopped_at_most_once_and_only_in_its_first_run(
        tty: bool,
        mode in mode(),
        events in events(anything()),
    ) {
        check(async {
            let mut stage = Stage::new(mode, "docker run web", facts(tty)).await;
            for event in events {
                let again = matches!(event, Event::ContainerRunsAgain | Event::ContainerEnds);
                let before = stage.bench.stops().len();
                stage.play(event).await;
                prop_assert!(!again || stage.bench.stops().len() == before);
                if stage.runs > 1 {
                    // Looks at the run before may be under way.
                    let stopped = stage.bench.stops().len();
                    pass(60_000).await;
                    prop_assert_eq!(stage.bench.stops().len(), stopped);
                }
            }
            pass(120_000).await;
            prop_assert!(stage.bench.stops().len() <= 1);
            Ok(())
        })?;
    }
}

#[test]
fn plays_reach_a_stop() {
    // Otherwise the properties above would say nothing.
    let stopped = check(async {
        let mut stage = Stage::new(GuardMode::Foreground, "docker run web", facts(false)).await;
        stage.play_all(&[Event::Exited(None)]).await;
        prop_assert_eq!(stage.bench.stops().len(), 1);
        let mut stage = Stage::new(GuardMode::Foreground, "docker run web", facts(false)).await;
        stage.play_all(&[Event::Signal("INT")]).await;
        prop_assert_eq!(stage.bench.stops().len(), 1);
        Ok(())
    });
    stopped.unwrap();
}
