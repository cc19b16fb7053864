"""Writes zcdp.csv and compositions.csv, the reference values that src/vectors.rs holds the accountant against.

It is not part of the tests: they read the files that it wrote. To run it again (Python 3.11, a few minutes):

    python3 -m venv venv
    venv/bin/pip install dp-accounting==0.6.0 opendp==0.16.0 mpmath==1.4.1 numpy==2.4.6 scipy==1.17.1
    venv/bin/python generate.py

ρ and δ are decimals, ρ in whole billionths. An ε is written with 17 digits, which name one 64-bit float.

zcdp.csv, a line for every ρ and δ:
  exact     the minimum over α of the conversion of Canonne, Kamath, Steinke (2020), with 60 digits
  opendp    opendp's conversion of zCDP to approximate DP, solved for ε by opendp
  rdp       dp-accounting's RdpAccountant for a ZCDpEvent, over the orders ORDERS
  gaussian  the tight ε of the Gaussian mechanism that costs exactly this ρ (Balle, Wang 2018), with 60 digits;
            a zCDP bound holds for this mechanism too, so it cannot be lower

compositions.csv, a line for every list of mechanisms and δ. Parts are written `count*kind:parameter`:
  gaussian:ρ   the Gaussian mechanism of that ρ
  laplace:ε    the Laplace mechanism of that ε, which is ε²/2-zCDP
  fail:δ       a mechanism that answers nothing, but with probability δ everything: δ-approximate 0-zCDP
with
  opendp    opendp's own composition of the parts as approximate zCDP, converted at the total δ
  rdp       dp-accounting's composition of the parts' zCDP over ORDERS, at the δ that `fail` leaves
  lower     what the composed mechanism truly has, or less. Gaussian parts: exact, as above. With Laplace parts:
            dp-accounting's privacy loss distributions with optimistic rounding
"""

import csv
import math
import pathlib
from decimal import Decimal

import dp_accounting
import numpy as np
import opendp.prelude as dp
from dp_accounting.pld import privacy_loss_distribution as pld
from dp_accounting.rdp import RdpAccountant
from mpmath import erfc, exp, log, log1p, mp, mpf, sqrt

mp.dps = 60
dp.enable_features("contrib", "honest-but-curious")

# Orders 1 + x for 4001 values of x from 1e-4 to 1e8, evenly spaced in ln x (0.7 % apart).
ORDERS = 1 + np.exp(np.linspace(np.log(1e-4), np.log(1e8), 4001))

OPTIMISTIC = {"pessimistic_estimate": False, "use_connect_dots": False}

RHOS = """0.000000001 0.00000001 0.0000001 0.000001 0.00001 0.0001 0.0005 0.001 0.0025 0.005 0.01 0.0155 0.0244
          0.05 0.0732 0.0882 0.155 0.2646 0.31 0.62 0.93 1.55 3.1 10 31.6 100 1000""".split()
DELTAS = "1e-12 1e-11 1e-10 1e-9 1e-8 1e-7 1e-6 1e-5 1e-4 1e-3 1e-2".split()

COMPOSITIONS = [
    "3*gaussian:0.0882",
    "5*gaussian:0.0882",
    "12*gaussian:0.025833333",
    "1000*gaussian:0.00031",
    "1*gaussian:0.155 4*gaussian:0.03 17*gaussian:0.000000123",
    "1*gaussian:0.0882 1*fail:1e-9",
    "3*gaussian:0.05 40*fail:1e-8",
    "1*gaussian:0.31 1*fail:4.99e-7 1*fail:4.99e-7",
    "2*gaussian:3.1 7*fail:1.3e-8",
    "1*laplace:0.5",
    "8*laplace:0.1",
    "30*laplace:0.2 3*gaussian:0.01",
    "2*laplace:1 1*gaussian:0.155",
]
COMPOSITION_DELTAS = "1e-6 1e-5 1e-3".split()


def bisect(grows, low, high):
    """The root of a function that grows, to the working precision."""
    for _ in range(400):
        middle = (low + high) / 2
        if grows(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def exact(rho, delta):
    rho, logs = mpf(rho), -log(mpf(delta))
    t = bisect(lambda t: rho * t**2 + log1p(t) - logs, mpf(0), sqrt(logs / rho))
    return max(mpf(0), (1 + t) * rho - log1p(1 / t) + (logs - log1p(t)) / t)


def gaussian_delta(rho, epsilon):
    """δ of the Gaussian mechanism with mean shift μ = √(2ρ) in units of σ."""
    mu = sqrt(2 * rho)
    normal = lambda x: erfc(-x / sqrt(mpf(2))) / 2
    return normal(mu / 2 - epsilon / mu) - exp(epsilon) * normal(-mu / 2 - epsilon / mu)


def gaussian(rho, delta, safe=mpf(1)):
    """ε of the Gaussian mechanism next to others that reveal nothing with probability `safe`, else all."""
    rho, delta = mpf(rho), mpf(delta)
    at = lambda epsilon: delta - (1 - safe) - safe * gaussian_delta(rho, epsilon)
    if at(mpf(0)) >= 0:
        return mpf(0)
    high = mpf(1)
    while at(high) < 0:
        high *= 2
    return bisect(at, mpf(0), high)


def opendp_part(rho, delta):
    return dp.m.make_user_measurement(
        input_domain=dp.vector_domain(dp.atom_domain(T=bool)),
        input_metric=dp.symmetric_distance(),
        output_measure=dp.approximate(dp.zero_concentrated_divergence()),
        function=lambda _: None,
        privacy_map=lambda _: (rho, delta),
    )


def opendp_epsilon(rho, delta):
    part = dp.m.make_user_measurement(
        input_domain=dp.vector_domain(dp.atom_domain(T=bool)),
        input_metric=dp.symmetric_distance(),
        output_measure=dp.zero_concentrated_divergence(),
        function=lambda _: None,
        privacy_map=lambda _: float(rho),
    )
    return dp.c.make_zCDP_to_approxDP(part).map(1).epsilon(float(delta))


def opendp_composed(parts, delta):
    losses = [loss for count, kind, number in parts for loss in [zcdp(kind, number)] * count]
    together = dp.c.make_composition([opendp_part(float(rho), float(own)) for rho, own in losses])
    return dp.c.make_fix_delta(dp.c.make_zCDP_to_approxDP(together), float(delta)).map(1)[0]


def zcdp(kind, number):
    """(ρ, δ) of one part."""
    match kind:
        case "gaussian":
            return number, Decimal(0)
        case "laplace":
            return number**2 / 2, Decimal(0)
        case "fail":
            return Decimal(0), number


def rdp_epsilon(events, delta):
    accountant = RdpAccountant(orders=list(ORDERS))
    for event, count in events:
        accountant.compose(event, count)
    return accountant.get_epsilon(float(delta))


def lower(parts, delta):
    rho = sum((zcdp(k, x)[0] * n for n, k, x in parts if k == "gaussian"), Decimal(0))
    if not any(kind == "laplace" for _, kind, _ in parts):
        safe = mpf(1)
        for count, kind, number in parts:
            if kind == "fail":
                safe *= (1 - mpf(str(number))) ** count
        return gaussian(str(rho), delta, safe)
    together = None
    for count, kind, number in parts:
        if kind == "laplace":
            one = pld.from_laplace_mechanism(1 / float(number), **OPTIMISTIC)
        else:
            sigma = 1 / math.sqrt(2 * float(number))
            one = pld.from_gaussian_mechanism(sigma, **OPTIMISTIC)
        one = one.self_compose(count)
        together = together.compose(one) if together else one
    return together.get_epsilon_for_delta(float(delta))


def write(name, header, rows):
    path = pathlib.Path(__file__).with_name(name)
    with path.open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)


def digits(value):
    return f"{float(value):.17g}"


def main():
    rows = []
    for rho in RHOS:
        for delta in DELTAS:
            # dp-accounting's own analytic figure, as a check of the one that is written.
            tight = gaussian(rho, delta)
            theirs = dp_accounting.get_epsilon_gaussian(1 / math.sqrt(2 * float(rho)), float(delta))
            assert abs(float(tight) - theirs) < 1e-9 + 1e-6 * theirs, (rho, delta, tight, theirs)
            event = dp_accounting.ZCDpEvent(float(rho))
            rows.append(
                [rho, delta, digits(exact(rho, delta)), digits(opendp_epsilon(rho, delta))]
                + [digits(rdp_epsilon([(event, 1)], delta)), digits(tight)]
            )
    write("zcdp.csv", ["rho", "delta", "exact", "opendp", "rdp", "gaussian"], rows)

    rows = []
    for text in COMPOSITIONS:
        parts = []
        for part in text.split():
            count, rest = part.split("*")
            kind, number = rest.split(":")
            parts.append((int(count), kind, Decimal(number)))
        own = sum(zcdp(kind, number)[1] * count for count, kind, number in parts)
        events = [
            (dp_accounting.ZCDpEvent(float(zcdp(kind, number)[0])), count)
            for count, kind, number in parts
            if kind != "fail"
        ]
        for delta in COMPOSITION_DELTAS:
            rows.append(
                [text, delta, digits(opendp_composed(parts, delta))]
                + [digits(rdp_epsilon(events, Decimal(delta) - own)), digits(lower(parts, delta))]
            )
    write("compositions.csv", ["parts", "delta", "opendp", "rdp", "lower"], rows)


if __name__ == "__main__":
    main()
