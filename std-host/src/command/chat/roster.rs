//! Who is in the room.

use std::collections::BTreeSet;

/// The names of those who are here, as far as they are known.
///
/// News that is older than the list can only repeat what the list says, so the order in which both arrive does not matter.
#[derive(Clone, Debug, Default)]
pub(super) struct Roster {
    /// In the order in which people look for them, without regard to case.
    names: BTreeSet<(String, String)>,
    knowledge: Knowledge,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Knowledge {
    /// There may be others.
    #[default]
    Partial,
    /// The room has told all names.
    Full,
}

impl Roster {
    /// Someone is here.
    pub(super) fn add(&mut self, name: &str) {
        self.names.insert(entry(name));
    }

    /// Someone is gone.
    pub(super) fn remove(&mut self, name: &str) {
        self.names.remove(&entry(name));
    }

    /// Someone has another name.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        self.remove(from);
        self.add(to);
    }

    /// These are here, and nobody else.
    pub(super) fn replace<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        self.names = names.into_iter().map(entry).collect();
        self.knowledge = Knowledge::Full;
    }

    /// Nothing is known any more.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.names.contains(&entry(name))
    }

    /// The names in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|(_, name)| name.as_str())
    }

    /// How many are here; `None` while that is not known.
    pub(super) fn count(&self) -> Option<usize> {
        (self.knowledge == Knowledge::Full).then_some(self.names.len())
    }

    /// The one whose name `text` starts with, the longest of such names, and what stands behind it.
    pub(super) fn addressee<'t>(&self, text: &'t str) -> Option<(&str, &'t str)> {
        self.names()
            .filter_map(|name| {
                let rest = text.strip_prefix(name)?;
                (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some((name, rest.trim_start()))
            })
            .min_by_key(|(_, rest)| rest.len())
    }
}

fn entry(name: &str) -> (String, String) {
    (name.to_lowercase(), name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_in_which_people_look_for_them() {
        let mut roster = Roster::default();
        for name in ["eve", "Bob", "ann", "Ann", "bob"] {
            roster.add(name);
        }
        roster.rename("eve", "Adam");
        roster.remove("bob");
        assert_eq!(roster.names().collect::<Vec<_>>(), ["Adam", "Ann", "ann", "Bob"]);
        assert_eq!(roster.count(), None, "the room has not told all names");
        roster.replace(["x", "y"]);
        assert_eq!(roster.count(), Some(2));
        roster.forget();
        assert_eq!((roster.count(), roster.names().count()), (None, 0));
    }

    #[test]
    fn the_longest_name_is_addressed() {
        let mut roster = Roster::default();
        roster.replace(["ann", "ann lee"]);
        assert_eq!(roster.addressee("ann lee hi you"), Some(("ann lee", "hi you")));
        assert_eq!(roster.addressee("ann  hi"), Some(("ann", "hi")));
        assert_eq!(roster.addressee("anna hi"), None);
        assert_eq!(roster.addressee("ann"), Some(("ann", "")));
    }
}
