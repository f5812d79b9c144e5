//! Which anonymous counts may be shown: none that could point at one person.
//!
//! An anonymous total is of everybody who is counted anonymously in one mailing. If these are two,
//! and one click was counted, it is either of the two; if it is one, the total is that person's.
//! So nothing is shown of mailings with fewer than [`LEAST`] of them, and elsewhere no count
//! below [`LEAST`], nothing included: that nobody clicked is a statement about each of them, too.
//!
//! **Only what never changes afterwards decides.** How many are counted anonymously is what was
//! frozen when the mails went out: whoever objects later or is pseudonymised does not move it, so
//! neither act makes a figure appear or vanish (rule P5).
//!
//! **While tracking is off for the whole account everybody is counted anonymously**, whoever
//! objected among them. Such hits are counted apart ([`Count::account_off`]), and their group is
//! everybody whose mail is measured at all. The two counts are kept back each by its own group and
//! size, and only sums of what is left are shown: what is added to a figure while tracking is off is
//! said of everybody, so figures from before, during and after it differ by nothing that is said
//! of those who objected.

/// The smallest group, and the smallest count, that is shown. As customary in official
/// statistics, where cells of fewer are kept back.
pub const LEAST: i64 = 5;

/// An anonymous count as it may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// This many.
    Exactly(i64),
    /// Kept back: fewer than [`LEAST`], or what fewer could be computed from.
    Few,
    /// Kept back: too few people are counted anonymously.
    SmallGroup,
}

impl Shown {
    /// The number, where it may be known; else nothing.
    pub const fn known(self) -> i64 {
        match self {
            Self::Exactly(n) => n,
            Self::Few | Self::SmallGroup => 0,
        }
    }

    /// Whether it is the number itself.
    pub const fn is_known(self) -> bool {
        matches!(self, Self::Exactly(_))
    }
}

/// An anonymous count of a mailing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// All of it.
    pub all: i64,
    /// Of it, what was counted while tracking was off for the account.
    pub account_off: i64,
}

impl Count {
    /// What is anonymous because of single people.
    const fn of_objected(self) -> i64 {
        self.all - self.account_off
    }
}

/// Of how many people the anonymous counts of a mailing are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Groups {
    /// Counted anonymously by themselves: so many mails were rendered anonymously.
    pub objected: i64,
    /// Counted at all, in whatever way: all of them while tracking is off for the account.
    pub everybody: i64,
}

impl Groups {
    /// A total as it may be shown.
    pub const fn total(self, count: Count) -> Shown {
        both(
            total(self.objected, count.of_objected()),
            total(self.everybody, count.account_off),
        )
    }

    /// The counts that a total is made of, by hour or by link, in their order.
    pub fn parts(self, counts: &[Count]) -> Vec<Shown> {
        let of = |of: fn(&Count) -> i64| counts.iter().map(of).collect::<Vec<_>>();
        let objected = parts(self.objected, &of(|count| count.of_objected()));
        let account_off = parts(self.everybody, &of(|count| count.account_off));
        objected
            .into_iter()
            .zip(account_off)
            .map(|(objected, account_off)| both(objected, account_off))
            .collect()
    }
}

/// The sum of two counts, each as it may be shown. What of one is kept back is not in it; where
/// nothing was counted while tracking was off, nothing tells that it ever was.
const fn both(objected: Shown, account_off: Shown) -> Shown {
    match (objected, account_off) {
        (Shown::Exactly(objected), Shown::Exactly(account_off)) => {
            Shown::Exactly(objected + account_off)
        }
        (_, Shown::Exactly(account_off)) => Shown::Exactly(account_off),
        (objected, _) => objected,
    }
}

/// A total of a mailing in which so many people are counted anonymously.
const fn total(people: i64, count: i64) -> Shown {
    if people < LEAST {
        Shown::SmallGroup
    } else if count < LEAST {
        Shown::Few
    } else {
        Shown::Exactly(count)
    }
}

/// The counts that a total is made of, by hour or by link, in their order.
///
/// Small ones are kept back by twos at least, and not where all of them have to be as large as
/// small ones can be: else the total, less what is shown, would tell them. Where they are too few
/// for that, the next larger one is kept back as well. That none of several was counted at all can
/// be told; it says of nobody what they did.
fn parts(people: i64, counts: &[i64]) -> Vec<Shown> {
    if people < LEAST {
        return vec![Shown::SmallGroup; counts.len()];
    }
    let mut by_size: Vec<usize> = (0..counts.len()).collect();
    by_size.sort_by_key(|&at| counts[at]);
    let mut shown: Vec<Shown> = counts.iter().copied().map(Shown::Exactly).collect();
    let (mut kept, mut sum) = (0, 0);
    for at in by_size {
        let is_safe = kept == 0 || (kept > 1 && sum != kept * (LEAST - 1));
        if counts[at] >= LEAST && is_safe {
            break;
        }
        shown[at] = Shown::Few;
        kept += 1;
        sum += counts[at];
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::Shown::{Exactly, Few, SmallGroup};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_is_shown_of_a_small_group() {
        assert_eq!(total(4, 1_000), SmallGroup);
        assert_eq!(parts(4, &[1_000, 0]), [SmallGroup, SmallGroup]);
        assert_eq!(total(5, 1_000), Exactly(1_000));
    }

    #[test]
    fn no_small_count_is_shown_and_none_can_be_computed() {
        assert_eq!(total(9, 4), Few);
        assert_eq!(total(9, 0), Few);
        assert_eq!(parts(9, &[7, 9]), [Exactly(7), Exactly(9)]);
        // The second alone would be the total less the others.
        assert_eq!(parts(9, &[7, 2, 9]), [Few, Few, Exactly(9)]);
        assert_eq!(parts(9, &[9, 2, 1, 7]), [Exactly(9), Few, Few, Exactly(7)]);
        // Eight of two small ones are four each.
        assert_eq!(parts(9, &[4, 4, 30, 40]), [Few, Few, Few, Exactly(40)]);
        assert_eq!(parts(9, &[0, 12, 0]), [Few, Exactly(12), Few]);
        assert_eq!(parts(9, &[3]), [Few]);
        assert_eq!(parts(9, &[]), []);
    }

    /// Whether two ways of counting what is kept back look alike, so that nobody knows which it is.
    fn is_open(kept: &[i64], all: bool) -> bool {
        let sum: i64 = kept.iter().sum();
        let most = i64::try_from(kept.len()).unwrap() * (LEAST - 1);
        kept.is_empty() || all || (kept.len() > 1 && sum != most)
    }

    proptest! {
        #[test]
        fn what_is_kept_back_cannot_be_computed(counts in prop::collection::vec(0_i64..12, 0..9)) {
            let shown = parts(LEAST, &counts);
            prop_assert_eq!(shown.len(), counts.len());
            let mut kept = Vec::new();
            for (count, shown) in counts.iter().zip(&shown) {
                match shown {
                    Exactly(n) => prop_assert!(n == count && *n >= LEAST),
                    _ => kept.push(*count),
                }
            }
            prop_assert!(is_open(&kept, kept.len() == counts.len()), "{:?} of {:?}", kept, counts);
        }
    }
}
