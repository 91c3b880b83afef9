//! Whatever is asked in whatever order: the last request wins and no VM leaks.

use machine::MachineState;
use proptest::prelude::*;

use super::fake::{Bench, Guest};

#[derive(Clone, Copy, Debug)]
enum Ask {
    Start,
    Stop,
    Kill,
    Restart,
    Pause,
    Resume,
    LetGo,
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        Just(Ask::Start),
        Just(Ask::Stop),
        Just(Ask::Kill),
        Just(Ask::Restart),
        Just(Ask::Pause),
        Just(Ask::Resume),
        Just(Ask::LetGo)
    ]
}

async fn check(asks: &[Ask], up: bool) {
    let bench = Bench::new(Guest::Well);
    for ask in asks {
        let supervisor = bench.supervisor.clone();
        let ask = *ask;
        let asked = async move {
            // Which of them are refused or superseded depends on the order; only the end counts here.
            drop(match ask {
                Ask::Start => supervisor.start().await,
                Ask::Stop => supervisor.stop(false, None).await,
                Ask::Kill => supervisor.stop(true, None).await,
                Ask::Restart => supervisor.restart().await,
                Ask::Pause => supervisor.pause().await,
                Ask::Resume => supervisor.resume().await,
                Ask::LetGo => Ok(()),
            });
        };
        drop(tokio::spawn(asked));
        // Lets a varying part of the work happen before the next request.
        for _ in 0..if matches!(ask, Ask::LetGo) { 200 } else { 3 } {
            tokio::task::yield_now().await;
        }
    }
    if up {
        bench.supervisor.start().await.unwrap();
        assert_eq!(bench.supervisor.snapshot().state, MachineState::Running);
        assert_eq!(bench.alive(), 1);
    } else {
        bench.supervisor.stop(false, None).await.unwrap();
        assert_eq!(bench.supervisor.snapshot().state, MachineState::Stopped);
        assert_eq!(bench.alive(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn requests_in_any_order_end_in_what_the_last_one_wants(asks in proptest::collection::vec(ask(), 0..12), up: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(check(&asks, up));
    }
}
