"""What simulated feedback is about: topics and reasons with their loyalty driver and a canned sentence."""

from __future__ import annotations

# topic: (driver, sentence of someone content, sentence of someone who is not)
TOPICS: dict[str, tuple[str | None, str, str]] = {
    "freshness": ("service_quality", "Fruit and vegetables were fresh.", "The produce was not fresh."),
    "availability": ("service_quality", "I found all I came for.", "Several items were out of stock."),
    "price_accuracy": (
        "service_quality",
        "Prices at the till matched the shelf.",
        "The till charged another price than the shelf.",
    ),
    "checkout": ("service_experience", "The queue was short.", "I waited too long at the checkout."),
    "cleanliness": ("service_experience", "The shop was clean.", "The shop was untidy."),
    "staff": ("relationship_interaction", "The staff were friendly.", "Nobody had time to help me."),
    "enquiries": (
        "relationship_interaction",
        "My question was answered quickly.",
        "I asked twice and got no answer.",
    ),
    "coupons": ("added_value", "The coupons suit what I buy.", "My coupon was not accepted."),
    "local_suppliers": (
        "shared_ideas",
        "Good to see local suppliers.",
        "I miss local suppliers on the shelves.",
    ),
}
TOPIC_NAMES = tuple(TOPICS)
COMPLAINT_SHARES = (0.16, 0.22, 0.14, 0.16, 0.06, 0.08, 0.08, 0.10, 0.0)
OTHER_SHARES = (0.14, 0.12, 0.08, 0.16, 0.08, 0.16, 0.06, 0.12, 0.08)

# reasons of an exit interview: (share, driver, sentence)
EXITS: dict[str, tuple[float, str | None, str]] = {
    "price": (0.26, "added_value", "I found it cheaper elsewhere."),
    "competitor": (0.24, None, "Another shop opened closer to me."),
    "moved_away": (0.20, None, "We moved away."),
    "habit_change": (0.15, None, "We cook less at home now."),
    "service_problem": (0.15, "service_quality", "My complaint was never settled."),
}
