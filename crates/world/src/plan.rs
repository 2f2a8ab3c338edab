//! What a world is made of: how large it is, who lies, and how.

/// How large a world is, and what happens in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// All chance follows from it.
    pub seed: u64,
    /// Countries, with so many networks each.
    pub countries: usize,
    /// Networks of a country.
    pub networks: usize,
    /// Front doors, each of which every network's clients may be told of.
    pub doors: usize,
    /// Clients of a network.
    pub clients: usize,
    /// Doors that a client is told of.
    pub told: usize,
    /// Minutes that the world lasts.
    pub minutes: u32,
    /// Minutes at its beginning in which nothing happens and nothing is measured.
    pub warm: u32,
    /// How much more is reported than in the reference world.
    pub traffic: f64,
    /// Blocks, outages of nodes, overloads of nodes, brownouts of ISPs.
    pub events: [usize; 4],
    /// Pairs of a well door and a country that liars attack.
    pub attacks: usize,
    /// The share of clients that lie, and how often they report for each report of an honest one.
    pub liars: (f64, f64),
    /// Whether nodes' heartbeats are watched from outside.
    pub heartbeats: bool,
}

impl Plan {
    /// The reference world: 9,600 cells over 48 hours.
    pub const fn reference(seed: u64) -> Self {
        Self {
            seed,
            countries: 6,
            networks: 8,
            doors: 200,
            clients: 800,
            told: 12,
            minutes: 2_880,
            warm: 720,
            traffic: 1.0,
            events: [80, 40, 20, 40],
            attacks: 40,
            liars: (0.0, 1.0),
            heartbeats: true,
        }
    }

    /// One that runs in seconds: as many reports for a cell, in fewer cells and 16 hours.
    pub const fn small(seed: u64) -> Self {
        Self {
            countries: 4,
            networks: 5,
            doors: 40,
            told: 12,
            clients: 160,
            minutes: 960,
            warm: 480,
            events: [12, 6, 3, 6],
            attacks: 8,
            ..Self::reference(seed)
        }
    }

    /// The same with liars: their share, and how often they report for each honest report.
    pub const fn with_liars(self, share: f64, loudness: f64) -> Self {
        Self { liars: (share, loudness), ..self }
    }

    /// The same with more to report.
    pub const fn with_traffic(self, traffic: f64) -> Self {
        Self { traffic, ..self }
    }

    /// Cells.
    pub const fn cells(&self) -> usize {
        self.countries * self.networks * self.doors
    }
}
