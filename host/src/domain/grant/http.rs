//! HTTP requests.

use super::HostPattern;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Over TLS.
    #[default]
    Https,
    /// In the clear.
    Http,
}

impl Scheme {
    /// The port where an address names none (RFC 9110, 4.2).
    pub fn port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }

    /// As an address begins.
    pub fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

/// The requests that one grant covers: all five must fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpGrant {
    /// The scheme, exactly.
    pub scheme: Scheme,
    /// The host.
    pub host: HostPattern,
    /// The ports, exactly.
    pub ports: Vec<u16>,
    /// The methods, exactly.
    pub methods: Vec<String>,
    /// What the path begins with, at a `/`: `/v1` covers `/v1` and `/v1/x`, and not `/v10`.
    pub path: String,
    /// Networks that are not part of the public internet and that the host may resolve to all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<IpNet>,
}
