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

    /// As it stands in forms.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Mailings => "e-mailings",
            Self::Sending => "versand",
            Self::Reports => "analysen",
            Self::Recipients => "empfaenger",
        }
    }

    /// What somebody with the role may do, as shown on the screen.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Admin => "Alles, auch Benutzer und alle Einstellungen des Benutzerkontos.",
            Self::Mailings => "E-Mailings schreiben und den Postausgang lesen.",
            Self::Sending => "E-Mailings lesen und senden, den Postausgang lesen und leeren.",
            Self::Reports => "Die Analysen ansehen und herunterladen.",
            Self::Recipients => {
                "Empfänger, Gruppen und Anmeldeformulare pflegen, importieren und löschen."
            }
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

    /// Whether this role itself is among them.
    pub const fn has(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// As shown on the screen.
    pub fn labels(self) -> Vec<&'static str> {
        let all = Role::ALL.into_iter().filter(|role| self.has(*role));
        all.map(Role::label).collect()
    }

    /// Whether a user with these roles may do what needs `role`.
    pub const fn allow(self, role: Role) -> bool {
        self.0 & (Role::Admin.bit() | role.bit()) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_administrator_may_everything_and_has_one_role() {
        assert_eq!(Roles::ADMIN.labels(), ["Admin"]);
        for role in Role::ALL {
            assert!(Roles::ADMIN.allow(role));
            assert!(!Roles::NONE.allow(role));
            assert!(Roles::NONE.with(role).has(role));
        }
        let two = Roles::NONE.with(Role::Reports).with(Role::Mailings);
        assert_eq!(two.labels(), ["E-Mailings", "Analysen"]);
        assert!(!two.allow(Role::Sending));
    }
}
