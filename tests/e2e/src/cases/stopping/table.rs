//! What stops a container and what does not: the matrix, a line a cell.
//!
//! The letters are the rules of the foreground guard. `stock`: the guard has no say, and dockerd alone does the same,
//! which is checked, too. Which signals a PID 1 hears: none that it does not catch, except from the kernel's own hand.

use super::cell::{
    Action::{CloseTerminal, CtrlC, Detach, EndOfInput, HangUpAndContinue, KillGroup, TerminateThenKill},
    Cell, HUP, KILL,
    Outcome::{Stays, Stops},
    Pid1::{Bash, BashPrompt, BashTrap, Cat, NodeLike, Python, PythonDeaf, PythonLike, Sh, Sleep, Tini},
    QUIT,
    Surface::{
        Attach, AttachIt, ComposeUp, DevContainer, ExecIt, Run, RunI, RunIt, RunLabelled, RunNoProxy,
        RunRestarted, RunRm, RunRmIt, StartA,
    },
    TERM, cell,
};

/// Dockerd alone.
pub const STOCK: &str = "stock";

/// The cells that run on a VM, too.
pub const SHORT: &[Cell] = &[
    cell(Run, CtrlC(1), Sleep, Stops, "K"),
    cell(Run, CtrlC(1), NodeLike, Stops, "K3"),
    cell(Run, KILL, Sleep, Stops, "C1"),
    cell(Run, CloseTerminal, Sleep, Stops, "H"),
    cell(RunIt, CtrlC(1), Sleep, Stops, "T"),
    cell(RunIt, Detach, Sleep, Stays, "C4"),
    cell(StartA, CtrlC(1), Sleep, Stays, STOCK),
    cell(DevContainer, KILL, Sleep, Stays, STOCK),
];

/// All others.
pub const LONG: &[Cell] = &[
    // K: the owner passes on a signal that PID 1 does not hear.
    cell(RunI, CtrlC(1), Sleep, Stops, "K"),
    cell(RunRm, CtrlC(1), Sleep, Stops, "K"),
    cell(RunRm, CtrlC(2), Sleep, Stops, "K"),
    cell(Run, CtrlC(3), Sleep, Stops, "K"),
    cell(Run, TERM, Sleep, Stops, "K"),
    cell(Run, TERM, Sh, Stops, "K"),
    cell(Run, TERM, PythonLike, Stops, "K"),
    cell(Run, QUIT, Sleep, Stops, "K"),
    cell(RunI, TERM, Sleep, Stops, "K"),
    cell(RunIt, TERM, Sleep, Stops, "K"),
    cell(RunRmIt, TERM, Sleep, Stops, "K"),
    // K2: asked twice, or asked once and then gone.
    cell(Run, CtrlC(2), NodeLike, Stops, "K2"),
    cell(Run, CtrlC(3), NodeLike, Stops, "K2"),
    cell(RunI, CtrlC(2), Sh, Stops, "K2"),
    cell(RunRm, CtrlC(3), Sh, Stops, "K2"),
    cell(Run, TerminateThenKill, NodeLike, Stops, "K2"),
    cell(RunIt, TerminateThenKill, NodeLike, Stops, "C2"),
    // K3: PID 1 hears Ctrl+C and goes on.
    cell(Run, CtrlC(1), Sh, Stops, "K3"),
    cell(RunI, CtrlC(1), NodeLike, Stops, "K3"),
    cell(RunRm, CtrlC(1), NodeLike, Stops, "K3"),
    // H: the terminal went away.
    cell(Run, HangUpAndContinue, Sleep, Stops, "H"),
    cell(Run, HangUpAndContinue, NodeLike, Stops, "H"),
    cell(Run, CloseTerminal, NodeLike, Stops, "H"),
    cell(RunI, CloseTerminal, Sh, Stops, "H"),
    cell(RunRm, CloseTerminal, PythonLike, Stops, "H"),
    cell(RunIt, HangUpAndContinue, Sleep, Stops, "H"),
    cell(RunIt, CloseTerminal, Sleep, Stops, "H"),
    cell(RunIt, CloseTerminal, NodeLike, Stops, "H"),
    cell(RunRmIt, CloseTerminal, Sleep, Stops, "H"),
    // A lone SIGHUP asks a program to read its settings again.
    cell(Run, HUP, Sleep, Stays, "H"),
    cell(Run, HUP, NodeLike, Stays, "H"),
    cell(RunIt, HUP, Sleep, Stays, "H"),
    // T: the key provably does nothing; where it might do something, it is the program's.
    cell(RunRmIt, CtrlC(1), Sleep, Stops, "T"),
    cell(RunIt, CtrlC(3), Sleep, Stops, "T"),
    cell(RunIt, CtrlC(1), NodeLike, Stays, "T"),
    cell(RunIt, CtrlC(3), NodeLike, Stays, "T"),
    // C1: without a terminal there is no detaching, so a client that is gone has died.
    cell(Run, KILL, NodeLike, Stops, "C1"),
    cell(Run, KILL, Sh, Stops, "C1"),
    cell(Run, KILL, Tini, Stops, "C1"),
    cell(RunI, KILL, Sleep, Stops, "C1"),
    cell(RunI, KILL, PythonLike, Stops, "C1"),
    cell(RunRm, KILL, Sleep, Stops, "C1"),
    // The end of the input is not the end of the client.
    cell(RunI, EndOfInput, Sleep, Stays, STOCK),
    cell(RunI, EndOfInput, NodeLike, Stays, STOCK),
    cell(RunI, EndOfInput, Cat, Stops, STOCK),
    cell(Run, EndOfInput, Sleep, Stays, STOCK),
    cell(RunIt, EndOfInput, Sleep, Stays, STOCK),
    cell(RunIt, EndOfInput, Cat, Stops, STOCK),
    // Without a terminal the keys that detach are none.
    cell(Run, Detach, Sleep, Stays, STOCK),
    // C4: with a terminal, a client that is gone may have detached.
    cell(RunIt, KILL, Sleep, Stays, STOCK),
    cell(RunIt, KILL, NodeLike, Stays, STOCK),
    cell(RunRmIt, Detach, NodeLike, Stays, STOCK),
    cell(RunIt, Detach, Tini, Stays, STOCK),
    // PID 1 does it all by itself.
    cell(Run, CtrlC(1), PythonLike, Stops, STOCK),
    cell(Run, CtrlC(1), Tini, Stops, STOCK),
    cell(RunI, TERM, Tini, Stops, STOCK),
    cell(Run, HUP, Tini, Stops, STOCK),
    cell(RunIt, CtrlC(1), Sh, Stops, STOCK),
    cell(RunIt, CtrlC(1), PythonLike, Stops, STOCK),
    cell(RunIt, CtrlC(1), Tini, Stops, STOCK),
    // The real programs, where the rules for them begin.
    cell(Run, CtrlC(1), Bash, Stops, "K3"),
    cell(Run, TERM, Bash, Stops, "K"),
    cell(RunI, KILL, Bash, Stops, "C1"),
    cell(RunIt, CtrlC(1), Bash, Stops, STOCK),
    cell(Run, CtrlC(1), BashTrap, Stops, "K3"),
    cell(Run, CtrlC(2), BashTrap, Stops, "K2"),
    cell(RunRm, KILL, BashTrap, Stops, "C1"),
    cell(RunIt, CtrlC(1), BashTrap, Stays, "T"),
    cell(RunIt, CtrlC(1), BashPrompt, Stays, "T"),
    cell(RunIt, CtrlC(3), BashPrompt, Stays, "T"),
    cell(RunIt, TERM, BashPrompt, Stops, "K"),
    cell(RunIt, CloseTerminal, BashPrompt, Stops, "H"),
    cell(RunIt, KILL, BashPrompt, Stays, STOCK),
    cell(RunIt, EndOfInput, BashPrompt, Stops, STOCK),
    cell(RunRmIt, Detach, BashPrompt, Stays, STOCK),
    cell(Run, CtrlC(1), Python, Stops, STOCK),
    cell(RunIt, CtrlC(1), Python, Stops, STOCK),
    cell(Run, TERM, Python, Stops, "K"),
    cell(Run, HUP, Python, Stays, "H"),
    cell(RunI, KILL, Python, Stops, "C1"),
    cell(RunIt, Detach, Python, Stays, STOCK),
    cell(Run, TERM, PythonDeaf, Stops, "K"),
    cell(Run, CtrlC(1), PythonDeaf, Stops, STOCK),
    // Exempt: somebody said that the container goes on without the client.
    cell(DevContainer, CtrlC(1), Sleep, Stays, STOCK),
    cell(DevContainer, CtrlC(3), Sleep, Stays, STOCK),
    cell(DevContainer, TERM, NodeLike, Stays, STOCK),
    cell(DevContainer, CloseTerminal, Tini, Stays, STOCK),
    cell(RunNoProxy, KILL, Sleep, Stays, STOCK),
    cell(RunNoProxy, CtrlC(2), Sleep, Stays, STOCK),
    cell(RunRestarted, KILL, Sleep, Stays, STOCK),
    cell(RunLabelled, KILL, Sleep, Stays, STOCK),
    // Who did not make the container does not own it.
    cell(StartA, CtrlC(2), Sleep, Stays, STOCK),
    // Ctrl+C and SIGTERM also end `docker start -a` itself, and whether it has passed them on by then is luck: left out.
    cell(StartA, HUP, Tini, Stops, STOCK),
    cell(StartA, QUIT, Tini, Stops, STOCK),
    cell(StartA, KILL, NodeLike, Stays, STOCK),
    cell(StartA, CloseTerminal, Sleep, Stays, STOCK),
    cell(Attach, CtrlC(1), Sleep, Stays, STOCK),
    cell(Attach, CtrlC(1), PythonLike, Stops, STOCK),
    cell(Attach, KILL, Sleep, Stays, STOCK),
    cell(Attach, TERM, Tini, Stops, STOCK),
    cell(Attach, CloseTerminal, Sleep, Stays, STOCK),
    cell(AttachIt, Detach, Sleep, Stays, STOCK),
    cell(AttachIt, KILL, Sleep, Stays, STOCK),
    // A command in a container: PID 1 is another, so its signals work.
    cell(ExecIt, CtrlC(1), Tini, Stops, STOCK),
    cell(ExecIt, Detach, Tini, Stays, STOCK),
    cell(ExecIt, KILL, Tini, Stays, STOCK),
    cell(ExecIt, CloseTerminal, Tini, Stays, STOCK),
    cell(ExecIt, EndOfInput, Tini, Stays, STOCK),
    // Compose stops its containers itself.
    cell(ComposeUp, CtrlC(1), Sleep, Stops, STOCK),
    cell(ComposeUp, CtrlC(2), NodeLike, Stops, STOCK),
    // What the plugin is not told, `docker` itself only notes.
    cell(ComposeUp, TERM, Tini, Stays, STOCK),
    // Of `docker` and its plugin, the plugin stops the containers when `docker` goes before it. Whether it still can when
    // the terminal is closed or `docker` alone is killed is luck: the kernel hangs up on it, too. Left out.
    cell(ComposeUp, KillGroup, Sleep, Stays, STOCK),
    cell(ComposeUp, Detach, Sleep, Stays, STOCK),
];
