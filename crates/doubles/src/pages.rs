//! Listings in parts.

/// One page of a listing by page number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What stands on it.
    pub items: Vec<T>,
    /// Its number, from 1.
    pub number: usize,
    /// How many there are; 1 where there is nothing.
    pub last: usize,
    /// What stands on all of them.
    pub total: usize,
}

impl<T> Page<T> {
    /// The next page's number.
    pub fn next(&self) -> Option<usize> {
        (self.number < self.last).then_some(self.number + 1)
    }

    /// The previous page's number.
    pub fn previous(&self) -> Option<usize> {
        (self.number > 1).then(|| self.number - 1)
    }
}

/// A page by its number and size, both 1 at least. A page after the last is empty.
pub fn numbered<T>(all: Vec<T>, number: usize, size: usize) -> Page<T> {
    let (number, size, total) = (number.max(1), size.max(1), all.len());
    let items = all.into_iter().skip((number - 1).saturating_mul(size)).take(size).collect();
    Page { items, number, last: total.div_ceil(size).max(1), total }
}

/// What comes after a mark, in the order of the keys, and the mark to go on from where more is
/// left.
pub fn after<T>(
    mut all: Vec<(String, T)>,
    mark: Option<&str>,
    size: usize,
) -> (Vec<T>, Option<String>) {
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all.retain(|(key, _)| mark.is_none_or(|m| key.as_str() > m));
    let more = all.len() > size;
    all.truncate(size);
    let last = all.last().map(|(key, _)| key.clone()).filter(|_| more);
    (all.into_iter().map(|(_, item)| item).collect(), last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_by_number_are_whole_together() {
        let all: Vec<_> = (0..205).collect();
        let mut seen = Vec::new();
        let mut next = Some(1);
        while let Some(number) = next {
            let page = numbered(all.clone(), number, 50);
            assert_eq!((page.last, page.total), (5, 205));
            next = page.next();
            seen.extend(page.items);
        }
        assert_eq!(seen, all);
        assert!(numbered(all, 6, 50).items.is_empty());
        assert_eq!(numbered(Vec::<u8>::new(), 1, 50).next(), None);
    }

    #[test]
    fn pages_by_mark_are_whole_together() {
        let all: Vec<_> = (0..205).map(|n| (format!("{n:03}"), n)).collect();
        let (mut seen, mut mark) = (Vec::new(), None);
        loop {
            let (items, next) = after(all.clone(), mark.as_deref(), 100);
            seen.extend(items);
            mark = next;
            if mark.is_none() {
                break;
            }
        }
        assert_eq!(seen, (0..205).collect::<Vec<_>>());
        assert_eq!(after(all[..100].to_vec(), None, 100).1, None);
    }
}
