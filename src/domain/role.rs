//! What a user may do.

/// A set of roles; one user can have several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles(i32);

/// One role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything, including the account's settings.
    Admin,
    /// Writes mailings.
    Mailings,
    /// Sends mailings.
    Sending,
    /// Reads the reports.
    Reports,
    /// Keeps recipients and groups.
    Recipients,
}

impl Role {
    /// All roles, in the order they are shown.
    pub const ALL: [Self; 5] = [
        Self::Admin,
        Self::Mailings,
        Self::Sending,
        Self::Reports,
        Self::Recipients,
    ];

    /// As shown on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Admin => "Admin",
            Self::Mailings => "E-Mailings",
            Self::Sending => "Versand",
            Self::Reports => "Analysen",
            Self::Recipients => "Empfänger",
        }
    }

    const fn bit(self) -> i32 {
        match self {
            Self::Admin => 1,
            Self::Mailings => 2,
            Self::Sending => 4,
            Self::Reports => 8,
            Self::Recipients => 16,
        }
    }
}

impl Roles {
    /// The role *Admin*, which includes all others.
    pub const ADMIN: Self = Self(Role::Admin.bit());

    /// No role yet.
    pub const NONE: Self = Self(0);

    /// From the stored bits.
    pub const fn from_bits(bits: i32) -> Self {
        Self(bits)
    }

    /// The bits as stored.
    pub const fn bits(self) -> i32 {
        self.0
    }

    /// These and one more.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | role.bit())
    }

    /// Whether a user with these roles may do what needs `role`.
    pub const fn allow(self, role: Role) -> bool {
        self.0 & (Role::Admin.bit() | role.bit()) != 0
    }
}
