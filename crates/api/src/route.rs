//! Every route, once. Server, client and OpenAPI document use these names.

use hyper::Method;

/// A route of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET`: [`Status`](crate::Status).
    Status,
    /// `GET`: server-sent [`ApiEvent`](crate::ApiEvent)s.
    Events,
    /// `POST` [`StartRequest`](crate::StartRequest): [`Status`](crate::Status).
    Start,
    /// `POST` [`StopRequest`](crate::StopRequest): [`Status`](crate::Status), when it is stopped.
    Stop,
    /// `POST` [`StartRequest`](crate::StartRequest): [`Status`](crate::Status).
    Restart,
    /// `POST`: [`Status`](crate::Status).
    Pause,
    /// `POST`: [`Status`](crate::Status).
    Resume,
    /// `GET` [`LogQuery`](crate::LogQuery): text.
    Logs,
    /// `POST` [`ShellRequest`](crate::ShellRequest): upgrade to `pinnace-shell`.
    Shell,
    /// `POST` [`SessionRequest`](crate::SessionRequest): upgrade to `pinnace-container`.
    ContainerSession,
    /// `POST` [`ResetRequest`](crate::ResetRequest): [`ResetPlan`](crate::ResetPlan).
    Reset,
    /// `GET` [`WhyQuery`](crate::WhyQuery): [`WhyAnswer`](crate::WhyAnswer).
    Why,
    /// `GET`, `container` any number of times: a list of [`SignalReport`](crate::SignalReport)s.
    Signals,
    /// `GET`: a list of [`Forward`](crate::Forward)s.
    Forwards,
    /// `POST` [`AddForward`](crate::AddForward): the [`Forward`](crate::Forward)s that came of it.
    AddForward,
    /// `POST` [`MoveForward`](crate::MoveForward): the [`Forward`](crate::Forward)s as they are now.
    MoveForward,
    /// `POST` [`RemoveForward`](crate::RemoveForward): the [`Forward`](crate::Forward)s that were closed.
    RemoveForward,
    /// `GET`: a list of [`Share`](crate::Share)s.
    Shares,
    /// `POST` [`AddShare`](crate::AddShare): the [`Share`](crate::Share).
    AddShare,
    /// `POST` [`RemoveShare`](crate::RemoveShare): the [`Share`](crate::Share) as it was.
    RemoveShare,
    /// `POST`: the host agent stops the machine and ends.
    Quit,
    /// `GET`: the OpenAPI document.
    OpenApi,
}

impl Route {
    /// Every route.
    pub const ALL: [Self; 22] = [
        Self::Status,
        Self::Events,
        Self::Start,
        Self::Stop,
        Self::Restart,
        Self::Pause,
        Self::Resume,
        Self::Logs,
        Self::Shell,
        Self::ContainerSession,
        Self::Reset,
        Self::Why,
        Self::Signals,
        Self::Forwards,
        Self::AddForward,
        Self::MoveForward,
        Self::RemoveForward,
        Self::Shares,
        Self::AddShare,
        Self::RemoveShare,
        Self::Quit,
        Self::OpenApi,
    ];

    /// Its HTTP method.
    pub const fn method(self) -> Method {
        match self {
            Self::Status
            | Self::Events
            | Self::Logs
            | Self::Why
            | Self::Signals
            | Self::Forwards
            | Self::Shares
            | Self::OpenApi => Method::GET,
            Self::Start
            | Self::Stop
            | Self::Restart
            | Self::Pause
            | Self::Resume
            | Self::Shell
            | Self::ContainerSession
            | Self::Reset
            | Self::AddForward
            | Self::MoveForward
            | Self::RemoveForward
            | Self::AddShare
            | Self::RemoveShare
            | Self::Quit => Method::POST,
        }
    }

    /// Its path.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Status => "/v1/status",
            Self::Events => "/v1/events",
            Self::Start => "/v1/machine/start",
            Self::Stop => "/v1/machine/stop",
            Self::Restart => "/v1/machine/restart",
            Self::Pause => "/v1/machine/pause",
            Self::Resume => "/v1/machine/resume",
            Self::Logs => "/v1/logs",
            Self::Shell => "/v1/machine/shell",
            Self::ContainerSession => "/v1/containers/session",
            Self::Reset => "/v1/machine/reset",
            Self::Why => "/v1/containers/why",
            Self::Signals => "/v1/containers/signals",
            Self::Forwards => "/v1/forwards",
            Self::AddForward => "/v1/forwards/add",
            Self::MoveForward => "/v1/forwards/move",
            Self::RemoveForward => "/v1/forwards/remove",
            Self::Shares => "/v1/shares",
            Self::AddShare => "/v1/shares/add",
            Self::RemoveShare => "/v1/shares/remove",
            Self::Quit => "/v1/quit",
            Self::OpenApi => "/v1/openapi.json",
        }
    }
}
