//! The supervisor against a scripted driver and a scripted guest, joined by a real link over memory. Time is tokio's
//! paused clock, so that back-off and watchdogs take no time.

pub(crate) mod fake;
mod random;

use std::time::Duration;

use api::Code;
use machine::{Accelerator, BootPhase, DriverEvent, Exit, MachineState};
use protocol::EngineState;

use fake::{Bench, Guest};

fn crash() -> DriverEvent {
    DriverEvent::Exited(Exit {
        clean: false,
        reason: "signal 9".to_owned(),
    })
}

#[tokio::test(start_paused = true)]
async fn start_boots_once_and_stop_powers_off() {
    let bench = Bench::new(Guest::Well);
    bench.supervisor.start().await.unwrap();
    let snapshot = bench.supervisor.snapshot();
    assert_eq!(snapshot.state, MachineState::Running);
    assert!(matches!(snapshot.engine, EngineState::Ready { .. }));
    let phases: Vec<_> = snapshot
        .boot
        .unwrap()
        .phases
        .iter()
        .map(|(phase, _)| *phase)
        .collect();
    assert_eq!(
        phases,
        [
            BootPhase::CheckingImage,
            BootPhase::Launching,
            BootPhase::Kernel,
            BootPhase::AgentConnected,
            BootPhase::EngineStarting
        ]
    );
    bench.supervisor.stop(false, None).await.unwrap();
    assert_eq!(bench.supervisor.snapshot().state, MachineState::Stopped);
    assert_eq!((bench.launches(), bench.alive(), bench.kills()), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn start_fifty_times_at_once_boots_once() {
    let bench = Bench::new(Guest::Well);
    let starts = (0..50).map(|_| bench.supervisor.start());
    let outcomes = futures_util::future::join_all(starts).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(bench.launches(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn start_from_many_threads_is_answered_when_the_state_is_published() {
    let bench = Bench::new(Guest::Well);
    let starts: Vec<_> = (0..50)
        .map(|_| {
            let supervisor = bench.supervisor.clone();
            tokio::spawn(async move {
                supervisor.start().await.unwrap();
                let snapshot = supervisor.snapshot();
                (snapshot.state, snapshot.engine)
            })
        })
        .collect();
    for start in starts {
        let (state, engine) = start.await.unwrap();
        assert_eq!(state, MachineState::Running);
        assert!(matches!(engine, EngineState::Ready { .. }));
    }
    assert_eq!((bench.launches(), bench.alive()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn stop_during_start_cancels_it() {
    let bench = Bench::new(Guest::Silent);
    let start = tokio::spawn({
        let supervisor = bench.supervisor.clone();
        async move { supervisor.start().await }
    });
    bench
        .until(|state| {
            matches!(
                state,
                MachineState::Starting {
                    phase: BootPhase::Kernel
                }
            )
        })
        .await;
    bench.supervisor.stop(false, None).await.unwrap();
    assert_eq!(start.await.unwrap().unwrap_err().code, Code::Superseded);
    assert_eq!(bench.supervisor.snapshot().state, MachineState::Stopped);
    assert_eq!(bench.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn start_during_stop_begins_when_it_is_down() {
    let bench = Bench::new(Guest::Well);
    bench.supervisor.start().await.unwrap();
    let stop = tokio::spawn({
        let supervisor = bench.supervisor.clone();
        async move { supervisor.stop(false, None).await }
    });
    bench.until(|state| matches!(state, MachineState::Stopping)).await;
    bench.supervisor.start().await.unwrap();
    assert_eq!(stop.await.unwrap().unwrap_err().code, Code::Superseded);
    assert_eq!(bench.supervisor.snapshot().state, MachineState::Running);
    assert_eq!((bench.launches(), bench.alive()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn crash_is_reported_and_the_machine_starts_again() {
    let bench = Bench::new(Guest::Well);
    bench.supervisor.start().await.unwrap();
    bench.happens(crash());
    let reason = bench.until_failed().await;
    assert!(
        reason.contains("the machine crashed: signal 9; console: last words"),
        "{reason}"
    );
    bench.until(|state| *state == MachineState::Running).await;
    assert_eq!((bench.launches(), bench.alive()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn kernel_that_does_not_come_up_is_booted_three_times() {
    let bench = Bench::new(Guest::Silent);
    let start = tokio::spawn({
        let supervisor = bench.supervisor.clone();
        async move { supervisor.start().await }
    });
    for launches in 1..=3 {
        while bench.launches() < launches {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let kernel = |state: &MachineState| {
            matches!(
                state,
                MachineState::Starting {
                    phase: BootPhase::Kernel
                }
            )
        };
        bench.until(kernel).await;
        bench.happens(crash());
    }
    let error = start.await.unwrap().unwrap_err();
    assert!(
        error
            .message
            .contains("ended during boot phase `kernel`: signal 9"),
        "{error}"
    );
    assert_eq!((bench.launches(), bench.alive()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn crash_without_restart_stays_down() {
    let bench = Bench::without_restart(Guest::Well);
    bench.supervisor.start().await.unwrap();
    bench.happens(crash());
    let reason = bench.until_failed().await;
    assert!(
        reason.starts_with("the machine crashed: signal 9") && !reason.contains("started again"),
        "{reason}"
    );
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!((bench.launches(), bench.alive()), (1, 0));
    bench.supervisor.start().await.unwrap();
    assert_eq!(bench.launches(), 2);
}

#[tokio::test(start_paused = true)]
async fn crash_five_times_in_a_row_stays_down() {
    let bench = Bench::new(Guest::Well);
    bench.supervisor.start().await.unwrap();
    for _ in 0..4 {
        bench.happens(crash());
        bench.until_failed().await;
        bench.until(|state| *state == MachineState::Running).await;
    }
    bench.happens(crash());
    let reason = bench.until_failed().await;
    assert!(reason.contains("(5 times in a row)"), "{reason}");
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!((bench.launches(), bench.alive()), (5, 0));
    bench.supervisor.start().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn watchdog_of_each_phase_names_it() {
    for (guest, phase) in [
        (Guest::StuckCheck, "checking image"),
        (Guest::StuckLaunch, "launching"),
        (Guest::Silent, "kernel"),
        (Guest::NoEngine, "agent connected"),
        (Guest::EngineStarting, "engine starting"),
    ] {
        let bench = Bench::new(guest);
        let error = bench.supervisor.start().await.unwrap_err();
        assert_eq!(error.code, Code::Timeout);
        assert!(
            error.message.contains(&format!("boot phase `{phase}`")),
            "{}",
            error.message
        );
        assert!(error.hint.is_some());
        assert!(matches!(
            bench.supervisor.snapshot().state,
            MachineState::Failed { .. }
        ));
        assert_eq!(bench.alive(), 0, "{phase}");
    }
}

#[tokio::test(start_paused = true)]
async fn disk_full_pauses_and_goes_on_when_there_is_space() {
    let bench = Bench::new(Guest::Well);
    bench.supervisor.start().await.unwrap();
    bench.set_free_space(0);
    bench.happens(DriverEvent::DiskError {
        no_space: true,
        reason: "ENOSPC".to_owned(),
    });
    bench
        .until(|state| matches!(state, MachineState::Degraded { reason } if reason.contains("disk is full")))
        .await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(bench.resumes(), 0);
    bench.set_free_space(u64::MAX);
    bench.until(|state| *state == MachineState::Running).await;
    assert_eq!(bench.resumes(), 1);
}

#[tokio::test(start_paused = true)]
async fn accelerator_failure_falls_back_to_emulation_once() {
    let bench = Bench::new(Guest::AcceleratorFails);
    bench.supervisor.start().await.unwrap();
    assert_eq!(
        bench.supervisor.snapshot().verdict.unwrap().accelerator,
        Accelerator::Tcg
    );
    assert_eq!((bench.launches(), bench.alive()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn pause_and_resume_follow_the_last_wish() {
    let bench = Bench::new(Guest::Well);
    assert_eq!(bench.supervisor.pause().await.unwrap_err().code, Code::NotRunning);
    bench.supervisor.start().await.unwrap();
    bench.supervisor.pause().await.unwrap();
    assert_eq!(bench.supervisor.snapshot().state, MachineState::Paused);
    bench.supervisor.resume().await.unwrap();
    assert_eq!(bench.supervisor.snapshot().state, MachineState::Running);
    bench.supervisor.pause().await.unwrap();
    bench.supervisor.start().await.unwrap();
    assert_eq!(bench.supervisor.snapshot().state, MachineState::Running);
    bench.supervisor.pause().await.unwrap();
    bench.supervisor.stop(false, None).await.unwrap();
    assert_eq!((bench.alive(), bench.kills()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn quit_stops_the_machine_and_refuses_starts() {
    let bench = Bench::new(Guest::Well);
    bench.supervisor.start().await.unwrap();
    bench.supervisor.quit().await.unwrap();
    assert_eq!(bench.alive(), 0);
    assert_eq!(bench.supervisor.start().await.unwrap_err().code, Code::Conflict);
}
